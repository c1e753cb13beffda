#include <unistd.h>

#include <filesystem>

#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

TEST_CASE("load: a forward line is a service named by its listen text", "[config][load]") {
  const load_result result =
      load_text("version = 1\n[forward]\n\"8080\" = \"10.0.0.5:80\"\n\"unix:/run/a.sock\" = \"unix:@b\"\n");
  INFO(messages(result));
  REQUIRE(result.diagnostics.empty());
  REQUIRE(result.config.services.size() == 2);
  const service_config& first = result.config.services[0];
  CHECK(first.name == "8080");
  REQUIRE(first.listeners.size() == 1);
  CHECK(first.listeners[0].listen == address{address::kind::tcp, "", {8080, 8080}, ""});
  CHECK(to_string(first.listeners[0].where) == "SLUICE_CONFIG:3:1");
  REQUIRE(first.backends.size() == 1);
  CHECK(first.backends[0].target == address{address::kind::tcp, "10.0.0.5", {80, 80}, ""});
  CHECK(to_string(first.backends[0].where) == "SLUICE_CONFIG:3:10");
  CHECK(result.config.services[1].name == "unix:/run/a.sock");
}

TEST_CASE("load: command-line words are mappings", "[config][load]") {
  config_sources sources;
  sources.forwards = {"8080=10.0.0.5:80", "127.0.0.1:0=10.0.0.5:80", "127.0.0.1:0=10.0.0.6:80"};
  const load_result result = load_config(sources);
  INFO(messages(result));
  REQUIRE(result.ok());
  REQUIRE(result.config.services.size() == 3);
  CHECK(to_string(result.config.services[1].where) == "command line:2:1");
  CHECK(to_string(result.config.services[1].backends.at(0).where) == "command line:2:13");
  CHECK(result.config.services[1].name == "127.0.0.1:0");
  CHECK(result.config.services[2].name == "127.0.0.1:0#2");
}

TEST_CASE("load: a service may say everything", "[config][load]") {
  const load_result result = load_text(R"(
[service.web]
listen = ["0.0.0.0:443", "[::]:443", { address = "unix:/run/web.sock", mode = "0660", owner = "www:www" }]
backends = ["10.0.1.1:443", { address = "web.internal:443", weight = 2 },
            { address = "10.0.1.3:443", max_connections = 7, priority = 3, backup = true }]
relay = "copy"
when_down = "wait"
reply.file = "/etc/hostname"
queue.size = 5
priority.overflow = 60
panic = 50
slow_start = "30s"
retries = { attempts = 4, backoff = "10ms", budget = 30 }
balance = "round-robin"
when_full = "reset"
when_backend_down = "reset"
when_backend_removed = "drain"
leaving = { timeout = "7s", rate = 8 }
rebalance = { rate = 9, above = 150 }
max_connections = 10
backlog = 20
timeouts = { connect = "1s", connect_total = "2s", queue = "3s", idle = "0s", half_close = "1m", reset_linger = "250ms", lifetime = "1d", lifetime_jitter = 0, warm = "45s" }
client = { nodelay = false, keepalive = "0s", user_timeout = "30s", buffer_limit = "0B" }
[service.web.backend]
nodelay = false
keepalive = "10s"
keepalive_interval = "5s"
keepalive_count = 9
user_timeout = "1m"
buffer_limit = "1MiB"
)");
  INFO(messages(result));
  REQUIRE(result.diagnostics.empty());
  const service_config& web = result.config.services.at(0);
  CHECK(web.name == "web");
  REQUIRE(web.listeners.size() == 3);
  CHECK(web.listeners[0].mode == 0666);
  CHECK(web.listeners[2].mode == 0660);
  CHECK(web.listeners[2].owner == "www:www");
  REQUIRE(web.backends.size() == 3);
  CHECK(web.backends[0].weight == 1);
  CHECK(web.backends[0].max_connections == 0);
  CHECK_FALSE(web.backends[0].backup);
  CHECK(web.backends[1].weight == 2);
  CHECK(web.backends[2].max_connections == 7);
  CHECK(web.backends[2].priority == 3);
  CHECK(web.backends[2].backup);
  CHECK(web.when_down == down_action::wait);
  CHECK(web.reply_file == "/etc/hostname");
  CHECK(web.queue_size == 5);
  CHECK(web.priority_overflow == 60);
  CHECK(web.panic == 50);
  CHECK(web.slow_start == 30s);
  CHECK(web.retries == retry_config{4, 10ms, 30});
  CHECK(web.relay == relay_mode::copy);
  CHECK(web.when_full == full_action::reset);
  CHECK(web.when_backend_down == leave_action::reset);
  CHECK(web.when_backend_removed == leave_action::drain);
  CHECK(web.leaving == leaving_config{7s, 8});
  CHECK(web.rebalance == rebalance_config{9, 150});
  CHECK(web.max_connections == 10);
  CHECK(web.backlog == 20);
  CHECK(web.timeouts == timeout_config{1s, 2s, 3s, 0s, 1min, 250ms, 24h, 45s, 0});
  CHECK(web.client == socket_config{false, 0s, 15s, 4, 30s, 0});
  CHECK(web.backend_side == socket_config{false, 10s, 5s, 9, 1min, 1U << 20U});
}

TEST_CASE("load: defaults reach every service, wherever they stand", "[config][load]") {
  const load_result result = load_text(R"(
[service.a]
listen = "1"
backends = "b:1"
timeouts.idle = "7s"
[forward]
2 = "b:2"
[defaults]
timeouts = { idle = "5s", connect = "1s" }
backend.keepalive = "9s"
)");
  INFO(messages(result));
  REQUIRE(result.ok());
  REQUIRE(result.config.services.size() == 2);
  CHECK(result.config.services[0].name == "2");
  CHECK(result.config.services[0].timeouts.idle == 5s);
  CHECK(result.config.services[1].timeouts.idle == 7s);
  CHECK(result.config.services[1].timeouts.connect == 1s);
  CHECK(result.config.services[1].backend_side.keepalive == 9s);
}

TEST_CASE("load: the program's tables", "[config][load]") {
  const load_result result = load_text(R"(
forward.1 = "b:1"
dns = { servers = ["127.0.0.1:53", "::1"], timeout = "500ms" }
drain = { grace = "5s", timeout = "1m" }
log = { level = "warning", format = "json", access = false, output = "stdout" }
limits = { max_connections = 100, workers = 2 }
)");
  INFO(messages(result));
  REQUIRE(result.diagnostics.empty());
  const config& settings = result.config;
  CHECK(settings.dns.servers == std::vector<std::string>{"127.0.0.1:53", "::1"});
  CHECK(settings.dns.timeout == 500ms);
  CHECK(settings.drain.grace == 5s);
  CHECK(settings.drain.timeout == 1min);
  CHECK(settings.log.level == log_level::warning);
  CHECK(settings.log.format == log_format::json);
  CHECK_FALSE(settings.log.access);
  CHECK(settings.log.output == "stdout");
  CHECK(settings.limits.max_connections == 100U);
  CHECK(settings.limits.workers == 2U);
}

TEST_CASE("load: a file that can't be read is a diagnostic", "[config][load]") {
  config_sources sources;
  sources.file = "/nonexistent/sluice.toml";
  CHECK(messages(load_config(sources)) ==
        "/nonexistent/sluice.toml: error[unreadable]: can't read the configuration: No such file or directory\n");
  sources.file = std::filesystem::temp_directory_path();
  CHECK(load_config(sources).diagnostics.at(0).text == "can't read the configuration: it is a directory");
  sources.file = "/dev/zero";
  CHECK(load_config(sources).diagnostics.at(0).text == "can't read the configuration: it has more than 4 MiB");
}

TEST_CASE("load: nothing to forward is an error", "[config][load]") {
  const load_result nothing = load_config({});
  REQUIRE(nothing.diagnostics.size() == 1);
  CHECK(nothing.diagnostics[0].code == "no-services");
  CHECK(load_text("[forward]").diagnostics.at(0).code == "no-services");
}

TEST_CASE("load: an option for a key that is none is an error", "[config][load]") {
  config_sources sources;
  sources.forwards = {"1=b:1"};
  sources.options = {{"log.colour", "red", "--set"}};
  CHECK(load_config(sources).diagnostics.at(0).code == "unknown-key");
}

TEST_CASE("load: at most 20 errors, in the order of the file", "[config][load]") {
  std::string text = "forward.1 = \"b:1\"\n";
  for (int i = 0; i < 30; ++i) text += "oops" + std::to_string(i) + " = 1\n";
  const load_result result = load_text(text);
  REQUIRE(result.diagnostics.size() == 20);
  for (std::uint32_t i = 0; i < 20; ++i) CHECK(result.diagnostics[i].where.line == i + 2);
}

TEST_CASE("load: a byte order mark is no part of the text", "[config][load]") {
  const load_result result = load_text(
      "\xEF\xBB\xBF"
      "forward.1 = \"b:1\"");
  CHECK(result.ok());
  CHECK(to_string(result.config.services.at(0).where) == "SLUICE_CONFIG:1:9");
}

TEST_CASE("load: ten thousand mappings are read in one go", "[config][load]") {
  std::string text = "[forward]\n";
  for (int i = 0; i < 10'000; ++i) text += '"' + std::to_string(10'000 + i) + "\" = \"10.0.0.5:80\"\n";
  const load_result result = load_text(text);
  CHECK(result.config.services.size() == 10'000);
  CHECK(result.ok());
}
