#include <string_view>

#include <boost/json.hpp>

#include "sluice/config_keys.hpp"
#include "sluice/config_schema.hpp"

namespace sluice {
namespace {

namespace json = boost::json;

constexpr std::string_view variable = R"(\$\{)";
constexpr std::string_view service_prefix = "service.NAME.";
constexpr std::string_view defaults_prefix = "defaults.";

json::object text_like(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", "^(" + std::string(pattern) + ")$|" + std::string(variable)}};
}

json::object whole_number(const config_key& key) {
  return {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
}

json::object either(json::array kinds) { return {{"anyOf", std::move(kinds)}}; }

json::object choice_of(const config_key& key) {
  json::array words;
  for (const std::string& word : key.allowed) words.emplace_back(word);
  return either({json::object{{"enum", std::move(words)}}, json::object{{"type", "string"}, {"pattern", variable}}});
}

/// One item or a list of items; an item is a text or a table of the keys that are added to `item` later.
json::object list_or_one(std::string_view item) {
  const json::object ref{{"$ref", "#/definitions/" + std::string(item)}};
  return either({ref, json::object{{"type", "array"}, {"minItems", 1}, {"items", ref}}});
}

json::object type_of(const config_key& key) {
  switch (key.type) {
    case key_type::boolean: return {{"type", "boolean"}};
    case key_type::count: return whole_number(key);
    case key_type::automatic_count: return either({json::object{{"const", "auto"}}, whole_number(key)});
    case key_type::size: return text_like("[0-9]+(B|KiB|MiB|GiB|TiB)");
    case key_type::duration: return text_like("([0-9]+(ms|s|m|h|d))+");
    case key_type::choice: return choice_of(key);
    case key_type::text: return {{"type", "string"}};
    case key_type::text_list: return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case key_type::address_list: return list_or_one(key.name.ends_with("listen") ? "listener" : "backend");
    case key_type::table: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
  }
  return {};
}

json::object described(const config_key& key) {
  json::object schema = type_of(key);
  schema["description"] = key.doc;
  if (!key.default_value.empty()) {
    // What TOML and JSON write alike: texts without escapes, numbers, true, false, [].
    schema["default"] = json::parse(key.default_value);
  }
  return schema;
}

json::object closed_table() { return {{"type", "object"}, {"additionalProperties", false}}; }

json::object& below(json::object& parent, std::string_view name) {
  auto& value = parent[name];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

/// Puts the key where its dotted name leads, with the tables between.
void add(json::object& table, std::string_view name, const config_key& key) {
  json::object* at = &table;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    at = &below(below(*at, "properties"), name.substr(0, dot));
    if (at->empty()) *at = closed_table();
    name.remove_prefix(dot + 1);
  }
  below(*at, "properties")[name] = described(key);
}

/// A listener or a backend.
json::object item() {
  json::object table = closed_table();
  table["required"] = {"address"};
  return either({json::object{{"type", "string"}}, std::move(table)});
}

json::object& table_of(json::object& item) { return item["anyOf"].get_array()[1].get_object(); }

struct definitions {
  json::object root = closed_table();
  json::object service = closed_table();
  json::object listener = item();
  json::object backend = item();

  void take(const config_key& key) {
    const std::string_view name = key.name;
    constexpr std::string_view listener_prefix = "service.NAME.listen.";
    constexpr std::string_view backend_prefix = "service.NAME.backends.";
    if (name.starts_with(listener_prefix)) return add(table_of(listener), name.substr(listener_prefix.size()), key);
    if (name.starts_with(backend_prefix)) return add(table_of(backend), name.substr(backend_prefix.size()), key);
    if (name.starts_with(service_prefix)) return add(service, name.substr(service_prefix.size()), key);
    add(root, name, key);
    if (name.starts_with(defaults_prefix)) add(service, name.substr(defaults_prefix.size()), key);
  }
};

/// Two blanks an indentation, one value a line: what people can read and compare.
void print(std::string& out, const json::value& value, const std::string& indent) {
  const std::string deeper = indent + "  ";
  std::string_view separator = "\n";
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& [key, member] : *object) {
      out += std::string(separator) + deeper + json::serialize(key) + ": ";
      print(out, member, deeper);
      separator = ",\n";
    }
    out += '\n' + indent + '}';
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (const auto& member : *array) {
      out += std::string(separator) + deeper;
      print(out, member, deeper);
      separator = ",\n";
    }
    out += '\n' + indent + ']';
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string config_schema() {
  definitions all;
  for (const config_key& key : config_keys()) all.take(key);
  all.service["description"] = "A service: where it listens, its backends, and any key of [defaults].";
  all.service["required"] = {"listen"};
  all.service["anyOf"] = {json::object{{"required", {"backends"}}}, json::object{{"required", {"backends_file"}}}};
  json::object schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                      {"title", "sluice"},
                      {"description", "Configuration of sluice, a TCP proxy and load balancer."}};
  for (auto& [key, value] : all.root) schema[key] = std::move(value);
  below(schema, "properties")["service"] = {{"type", "object"},
                                            {"description", "Services by name."},
                                            {"additionalProperties", {{"$ref", "#/definitions/service"}}}};
  schema["definitions"] = {
      {"service", std::move(all.service)}, {"listener", std::move(all.listener)}, {"backend", std::move(all.backend)}};
  std::string text;
  print(text, schema, "");
  return text + '\n';
}

}  // namespace sluice
