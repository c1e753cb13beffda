#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

const std::string mapping = "[forward]\n8080 = \"10.0.0.5:80\"\n";

load_result load(const environment& variables, std::vector<config_override> options = {}) {
  config_sources sources;
  sources.environment = variables;
  sources.options = std::move(options);
  return load_config(sources);
}

}  // namespace

TEST_CASE("environment: every kind of value can be set", "[config][environment]") {
  const load_result result = load_text(mapping, {{"SLUICE_LOG_LEVEL", "debug"},
                                                 {"SLUICE_LOG_ACCESS", "false"},
                                                 {"SLUICE_LOG_OUTPUT", "/var/log/sluice"},
                                                 {"SLUICE_LIMITS_WORKERS", "3"},
                                                 {"SLUICE_LIMITS_MAX_CONNECTIONS", "auto"},
                                                 {"SLUICE_DRAIN_GRACE", "5s"},
                                                 {"SLUICE_DNS_SERVERS", "127.0.0.1, [::1]:5353,"},
                                                 {"SLUICE_DEFAULTS_BACKLOG", "77"},
                                                 {"SLUICE_DEFAULTS_CLIENT_KEEPALIVE", "30s"},
                                                 {"SLUICE_DEFAULTS_BACKEND_BUFFER_LIMIT", "1MiB"},
                                                 {"SLUICE_DEFAULTS_RELAY", "copy"}});
  INFO(messages(result));
  REQUIRE(result.diagnostics.empty());
  CHECK(result.config.log.level == log_level::debug);
  CHECK_FALSE(result.config.log.access);
  CHECK(result.config.log.output == "/var/log/sluice");
  CHECK(result.config.limits.workers == 3U);
  CHECK_FALSE(result.config.limits.max_connections);
  CHECK(result.config.drain.grace == 5s);
  CHECK(result.config.dns.servers == std::vector<std::string>{"127.0.0.1", "[::1]:5353"});
  const service_config& service = result.config.services.at(0);
  CHECK(service.backlog == 77);
  CHECK(service.client.keepalive == 30s);
  CHECK(service.backend_side.buffer_limit == 1U << 20U);
  CHECK(service.relay == relay_mode::copy);
}

TEST_CASE("environment: option wins over environment over file over default", "[config][environment]") {
  const std::string file = mapping + "[log]\nlevel = \"error\"\n[drain]\ntimeout = \"7s\"\n[defaults]\nbacklog = 5\n";
  const load_result from_file = load_text(file);
  CHECK(from_file.config.log.level == log_level::error);
  CHECK(from_file.config.drain.timeout == 7s);
  CHECK(from_file.config.drain.grace == 0s);
  CHECK(load_text(file, {{"SLUICE_LOG_LEVEL", "debug"}}).config.log.level == log_level::debug);
  CHECK(load({{"SLUICE_CONFIG", file}, {"SLUICE_LOG_LEVEL", "debug"}}, {{"log.level", "warning", "--log-level"}})
            .config.log.level == log_level::warning);
  CHECK(load_text(file, {{"SLUICE_DEFAULTS_BACKLOG", "6"}}).config.services.at(0).backlog == 6);
}

TEST_CASE("environment: a service's own key stays above defaults of any origin", "[config][environment]") {
  const std::string file = "[service.a]\nlisten = \"80\"\nbackends = [\"b:1\"]\nbacklog = 5\n";
  CHECK(load_text(file, {{"SLUICE_DEFAULTS_BACKLOG", "6"}}).config.services.at(0).backlog == 5);
}

TEST_CASE("environment: an empty variable is an unset one", "[config][environment]") {
  const load_result result = load_text(mapping, {{"SLUICE_LOG_LEVEL", ""}, {"SLUICE_FORWARD", ""}});
  CHECK(result.diagnostics.empty());
  CHECK(result.config.log.level == log_level::info);
}

TEST_CASE("environment: mistakes are named by variable and option", "[config][environment]") {
  const load_result result = load({{"SLUICE_FORWARD", "8080=10.0.0.5:80"}, {"SLUICE_DRAIN_GRACE", "5"}},
                                  {{"log.level", "debgu", "--log-level"}});
  CHECK(messages(result) ==
        "SLUICE_DRAIN_GRACE: error[bad-duration]: \"5\" has no unit\n"
        "  hint: write \"5s\" for seconds, \"5ms\" for milliseconds\n"
        "--log-level: error[bad-value]: \"debgu\" is not known here\n"
        "  hint: did you mean \"debug\"? allowed: \"debug\", \"info\", \"warning\", \"error\"\n");
}

TEST_CASE("environment: a name server from a variable is checked", "[config][environment]") {
  const load_result result = load_text(mapping, {{"SLUICE_DNS_SERVERS", "127.0.0.1,dns"}});
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].code == "bad-address");
  CHECK(to_string(result.diagnostics[0].where) == "SLUICE_DNS_SERVERS");
}

TEST_CASE("environment: SLUICE_FORWARD holds mappings, separated by commas", "[config][environment]") {
  const load_result result =
      load({{"SLUICE_FORWARD", "8080=10.0.0.5:80, 9000-9010=10.0.0.6:9000-9010,unix:@a=unix:@b"}});
  INFO(messages(result));
  REQUIRE(result.ok());
  REQUIRE(result.config.services.size() == 3);
  CHECK(result.config.services[0].name == "8080");
  CHECK(result.config.services[1].backends.at(0).target.ports.size() == 11);
  CHECK(result.config.services[2].name == "unix:@a");
  CHECK(to_string(result.config.services[2].where) == "SLUICE_FORWARD:3:1");
}

TEST_CASE("environment: a variable nearly ours is a warning, the others are nobody's business",
          "[config][environment]") {
  const load_result result = load_text(mapping, {{"SLUICE_LOG_LEVLE", "debug"},
                                                 {"SLUICE_SERVICE_HOST", "10.0.0.1"},
                                                 {"SLUICE_PORT_8080_TCP_ADDR", "10.0.0.1"},
                                                 {"SLUICE_HOME_DIRECTORY", "/srv"},
                                                 {"PATH", "/bin"}});
  CHECK(result.ok());
  CHECK(messages(result) ==
        "SLUICE_LOG_LEVLE: warning[unknown-variable]: this variable is none of sluice's and is ignored\n"
        "  hint: did you mean SLUICE_LOG_LEVEL?\n");
}

TEST_CASE("environment: a variable that names only the end of a key is told the whole name", "[config][environment]") {
  const load_result result = load_text(mapping, {{"SLUICE_WORKERS", "4"},
                                                 {"SLUICE_MAX_CONNECTIONS", "9"},
                                                 {"SLUICE_", "x"},
                                                 {"SLUICE_BIN", "/bin/sluice"},
                                                 {"SLUICE_E2E_SCALE", "10"},
                                                 {"SLUICE_SIMULATION_STEPS", "5"},
                                                 {"SLUICE_SIMULATION_SEED", "5"}});
  CHECK(result.ok());
  CHECK_FALSE(result.config.limits.workers);
  CHECK(messages(result) ==
        "SLUICE_MAX_CONNECTIONS: warning[unknown-variable]: this variable is none of sluice's and is ignored\n"
        "  hint: did you mean SLUICE_DEFAULTS_MAX_CONNECTIONS or SLUICE_LIMITS_MAX_CONNECTIONS?\n"
        "SLUICE_WORKERS: warning[unknown-variable]: this variable is none of sluice's and is ignored\n"
        "  hint: did you mean SLUICE_LIMITS_WORKERS?\n");
}

TEST_CASE("environment: SLUICE_CONFIG is a text, or a path if it looks like one", "[config][environment]") {
  const auto path = std::filesystem::temp_directory_path() / ("sluice-config-" + std::to_string(::getpid()) + ".toml");
  std::ofstream(path) << "forward.8081 = \"10.0.0.5:80\"\n";
  const load_result by_path = load({{"SLUICE_CONFIG", path.string()}});
  CHECK(by_path.config.services.at(0).name == "8081");
  CHECK(to_string(by_path.config.services.at(0).where) == path.string() + ":1:9");
  const load_result by_text = load({{"SLUICE_CONFIG", "forward.8082 = \"10.0.0.5:80\""}});
  CHECK(by_text.config.services.at(0).name == "8082");
  CHECK(to_string(by_text.config.services.at(0).where) == "SLUICE_CONFIG:1:9");
  config_sources both;
  both.file = path.string();
  both.environment = {{"SLUICE_CONFIG", "forward.8082 = \"10.0.0.5:80\""}};
  CHECK(load_config(both).config.services.at(0).name == "8081");
  std::filesystem::remove(path);
}

TEST_CASE("environment: variables stand in texts and in listen addresses", "[config][environment]") {
  const std::string text =
      "[forward]\n\"${HOST:-127.0.0.1}:${PORT}\" = \"${TARGET:-10.0.0.5}:80\"\n[log]\noutput = "
      "\"/$${x}/${EMPTY:-y}/${EMPTY}z\"\n";
  const load_result result = load_text(text, {{"PORT", "8080"}, {"EMPTY", ""}});
  INFO(messages(result));
  REQUIRE(result.ok());
  CHECK(result.config.services.at(0).name == "127.0.0.1:8080");
  CHECK(to_string(result.config.services.at(0).backends.at(0).target) == "10.0.0.5:80");
  CHECK(result.config.log.output == "/${x}/y/z");
}

TEST_CASE("environment: what a variable holds is not expanded again", "[config][environment]") {
  const load_result result = load_text(mapping + "log.output = \"${A}\"\n", {{"A", "${B}"}});
  CHECK_FALSE(result.ok());  // [forward] is open: log.output is a mapping there, and says so
  const load_result good = load_text("log.output = \"${A}\"\n" + mapping, {{"A", "${B}"}});
  INFO(messages(good));
  CHECK(good.config.log.output == "${B}");
}

TEST_CASE("environment: what is no text is refused, wherever it would go", "[config][environment]") {
  const std::string base = "[forward]\n'8080' = '10.0.0.5:80'\n";
  CHECK_FALSE(load_text(base, {{"SLUICE_LOG_OUTPUT", "/var/log/\xf8"}}).ok());
  CHECK_FALSE(load_text("[forward]\n'8080' = '${NAME}:80'\n", {{"NAME", "a\xf8"}}).ok());
  CHECK_FALSE(load_text(base, {{"SLUICE_FORWARD", "81=unix:/\xf8"}}).ok());
  CHECK(load_text(base, {{"SLUICE_LOG_OUTPUT", "/var/log/\xc3\xb8"}}).ok());
}
