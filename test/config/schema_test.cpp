#include <algorithm>

#include <boost/json.hpp>

#include "sluice/config_keys.hpp"
#include "sluice/config_schema.hpp"

#include "support/catch.hpp"

using namespace sluice;

namespace json = boost::json;

namespace {

/// The schema of the key, found from the root or from one of the definitions; nullptr if there is none.
const json::value* schema_of(const json::value& root, std::string name) {
  std::string path;
  const auto at = [&](std::string_view table, std::string_view prefix) {
    path = table;
    name.erase(0, prefix.size());
  };
  if (name.starts_with("service.NAME.listen."))
    at("/definitions/listener/anyOf/1", "service.NAME.listen.");
  else if (name.starts_with("service.NAME.backends."))
    at("/definitions/backend/anyOf/1", "service.NAME.backends.");
  else if (name.starts_with("service.NAME."))
    at("/definitions/service", "service.NAME.");
  for (std::size_t dot = 0; dot != std::string::npos;) {
    dot = name.find('.');
    path += "/properties/" + name.substr(0, dot);
    name.erase(0, dot == std::string::npos ? dot : dot + 1);
  }
  boost::system::error_code none;
  return root.find_pointer(path, none);
}

}  // namespace

TEST_CASE("schema: it has every key with what it does, its default and its words", "[config][schema]") {
  const json::value schema = json::parse(config_schema());
  for (const config_key& key : config_keys()) {
    CAPTURE(key.name);
    const json::value* found = schema_of(schema, key.name);
    REQUIRE(found != nullptr);
    const json::object& object = found->as_object();
    CHECK(object.at("description") == json::string(key.doc));
    CHECK(object.contains("default") == !key.default_value.empty());
    for (const std::string& word : key.allowed) {
      const auto& words = object.at("anyOf").as_array().at(0).as_object().at("enum").as_array();
      CHECK(std::find(words.begin(), words.end(), json::value(word)) != words.end());
    }
    if (key.type == key_type::count) CHECK(object.at("maximum").to_number<std::uint64_t>() == key.most);
  }
}

TEST_CASE("schema: what [defaults] takes a service takes, too", "[config][schema]") {
  const json::value schema = json::parse(config_schema());
  for (const config_key& key : config_keys()) {
    if (!key.name.starts_with("defaults.")) continue;
    CAPTURE(key.name);
    CHECK(schema_of(schema, "service.NAME." + key.name.substr(9)) != nullptr);
  }
}

TEST_CASE("schema: no table takes keys that nobody knows, but the names are the user's", "[config][schema]") {
  const json::value schema = json::parse(config_schema());
  CHECK(schema.at("additionalProperties") == json::value(false));
  CHECK(schema.at("definitions").at("service").at("additionalProperties") == json::value(false));
  CHECK(schema.at("properties").at("log").at("additionalProperties") == json::value(false));
  CHECK(schema.at("properties").at("service").at("additionalProperties").is_object());
  CHECK(schema.at("properties").at("forward").at("additionalProperties").is_object());
}
