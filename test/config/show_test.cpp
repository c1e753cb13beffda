#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

config_sources sources_of(const std::string& text, environment variables = {}) {
  config_sources sources;
  variables.emplace_back("SLUICE_CONFIG", text + "\n");
  sources.environment = std::move(variables);
  return sources;
}

const std::string rich = R"(
[forward]
"127.0.0.1:8081" = "db.internal:1-1"
"9000-9010" = "10.0.0.5:9000-9010"
"unix:/run/$${x}\"\\.sock" = "unix:@b"
[defaults]
timeouts.idle = "90s"
[log]
output = "/var/log/$${HOST}.log"
[service."a.b c"]
listen = ["443", { address = "unix:/run/a.sock", mode = "0640", owner = ":www" }]
backends = [{ address = "b:1", weight = 3 }, "c:1"]
relay = "copy"
client.buffer_limit = "1000B"
[service.z]
listen = ["[::1]:80"]
backends = ["b:1"]
[service.'${v}']
listen = ["[::1]:81"]
backends = ["b:1"]
)";

}  // namespace

TEST_CASE("show: what is shown loads again and shows the same", "[config][show]") {
  const config_sources sources = sources_of(rich);
  INFO(messages(load_config(sources)));
  const std::string shown = show_config(sources, false);
  REQUIRE_FALSE(shown.empty());
  const load_result again = load_text(shown);
  INFO(shown << messages(again));
  REQUIRE(again.diagnostics.empty());
  CHECK(show_config(sources_of(shown), false) == shown);

  const load_result first = load_config(sources);
  REQUIRE(again.config.services.size() == first.config.services.size());
  for (std::size_t i = 0; i < first.config.services.size(); ++i) {
    const service_config& before = first.config.services[i];
    const service_config& after = again.config.services[i];
    CHECK(after.name == before.name);
    REQUIRE(after.listeners.size() == before.listeners.size());
    for (std::size_t j = 0; j < before.listeners.size(); ++j) {
      CHECK(after.listeners[j].listen == before.listeners[j].listen);
      CHECK(after.listeners[j].mode == before.listeners[j].mode);
      CHECK(after.listeners[j].owner == before.listeners[j].owner);
    }
    REQUIRE(after.backends.size() == before.backends.size());
    for (std::size_t j = 0; j < before.backends.size(); ++j) {
      CHECK(after.backends[j].target == before.backends[j].target);
      CHECK(after.backends[j].weight == before.backends[j].weight);
    }
    CHECK(after.timeouts == before.timeouts);
    CHECK(after.relay == before.relay);
    CHECK(after.client == before.client);
    CHECK(after.backend_side == before.backend_side);
  }
  CHECK(again.config.log.output == "/var/log/${HOST}.log");
}

TEST_CASE("show: origins are comments, and the text still loads", "[config][show]") {
  config_sources sources = sources_of(rich, {{"SLUICE_LOG_LEVEL", "debug"}});
  sources.forwards = {"8080=10.0.0.5:80"};
  sources.options = {{"limits.workers", "2", "--workers"}};
  const std::string shown = show_config(sources, true);
  CHECK(load_text(shown).ok());
  const std::string line =
      GENERATE("level = \"debug\"  # SLUICE_LOG_LEVEL\n", "workers = 2  # --workers\n", "grace = \"0s\"  # default\n",
               "timeouts.idle = \"1m30s\"  # SLUICE_CONFIG:7:17\n", "8080 = \"10.0.0.5:80\"  # command line:1:1\n",
               "relay = \"copy\"  # SLUICE_CONFIG:13:9\n", "  \"c:1\",  # SLUICE_CONFIG:12:46\n",
               "[service.z]  # SLUICE_CONFIG:15:10\n");
  CAPTURE(line, shown);
  CHECK(shown.find(line) != std::string::npos);
}

TEST_CASE("show: a wrong configuration shows nothing", "[config][show]") {
  CHECK(show_config(sources_of("oops = 1"), false).empty());
}

TEST_CASE("show: an origin can't break out of its comment", "[config][show]") {
  config_sources sources;
  sources.forwards = {"8080=10.0.0.5:80"};
  sources.options = {{"limits.workers", "2", "--workers\nevil = 1"}};
  CHECK(load_text(show_config(sources, true)).ok());
}
