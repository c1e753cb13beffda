#include "config/keys.hpp"

#include <set>

#include "sluice/config_keys.hpp"

#include "config/overrides.hpp"
#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("keys: names are unique and every key is described", "[config][keys]") {
  std::set<std::string> names;
  std::set<std::string> variables;
  for (const config_key& key : config_keys()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    CHECK(key.doc.size() > 10);
    CHECK(key.doc.back() == '.');
    CHECK((key.type == key_type::choice) == !key.allowed.empty());
    if (!key.environment.empty()) CHECK(variables.insert(key.environment).second);
  }
}

TEST_CASE("keys: the defaults shown are those of config.hpp", "[config][keys]") {
  CHECK(find_config_key("defaults.timeouts.idle")->default_value == "\"1h\"");
  CHECK(find_config_key("defaults.client.buffer_limit")->default_value == "\"1MiB\"");
  CHECK(find_config_key("log.level")->default_value == "\"info\"");
  CHECK(find_config_key("limits.workers")->default_value == "\"auto\"");
  CHECK(find_config_key("dns.servers")->default_value == "[]");
  CHECK(find_config_key("defaults.backlog")->default_value == "4096");
  CHECK(find_config_key("nonsense") == nullptr);
}

TEST_CASE("keys: environment names are the path in capitals", "[config][keys]") {
  CHECK(find_config_key("log.level")->environment == "SLUICE_LOG_LEVEL");
  CHECK(find_config_key("defaults.timeouts.connect_total")->environment == "SLUICE_DEFAULTS_TIMEOUTS_CONNECT_TOTAL");
  CHECK(find_config_key("service.NAME.listen")->environment.empty());
}

TEST_CASE("keys: a key with an environment name can be set by that name", "[config][keys]") {
  conf::loaded all;
  for (const config_key& key : config_keys()) {
    if (key.environment.empty()) continue;
    CAPTURE(key.name);
    const auto found = conf::find_target(key.name, all);
    REQUIRE(found);
    CHECK(conf::type_of(found->value) == key.type);
    CHECK(conf::print(found->value) == key.default_value);
  }
}
