#include "config/backends_file.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "config/check_loops.hpp"
#include "config/check_services.hpp"
#include "config/json.hpp"
#include "config/read_endpoints.hpp"
#include "config/read_file.hpp"
#include "config/read_keys.hpp"
#include "config/toml.hpp"

namespace sluice::conf {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
const std::string file_code = "backends-file";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

/// The list in a file: the file itself (JSON), or its key `backends`. Nothing (and reported) if there is none.
std::optional<member> list_in(node root, const source_text& source, report& problems) {
  if (root.type == node::kind::array) return member{"backends", root.where, std::move(root)};
  static const key_names names{{"backends"}, {}};
  std::optional<member> list;
  if (root.type == node::kind::table) {
    const std::vector<std::string> meant =
        read_keys(root, source, names, problems, [&](const std::string&, const member& entry) { list = entry; });
    if (list || !meant.empty()) return list;
  }
  problems.error({&source, {1, 1, 1}}, "no-backends", "there is no list of backends in this file",
                 R"(write backends = ["10.0.0.5:80"], or in JSON ["10.0.0.5:80"])");
  return std::nullopt;
}

/// Adds the backends of a text to the service.
void read_text(std::string text, loaded& into, service_config& service, service_places& places) {
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  const source_text& source = into.add_text(service.backends_file, lines_of(text));
  const auto [root, trouble] = [&]() -> std::pair<node, std::optional<syntax_trouble>> {
    if (service.backends_file.ends_with(".json")) {
      json_result parsed = parse_json(text);
      return {std::move(parsed.root), std::move(parsed.trouble)};
    }
    toml_result parsed = parse_toml(text);
    return {std::move(parsed.root), std::move(parsed.trouble)};
  }();
  if (trouble) {
    diagnostic& entry = into.problems.error({&source, trouble->where}, "syntax", trouble->text, trouble->hint);
    if (trouble->related)
      entry.related.emplace_back(spot{&source, trouble->related->first}.location(), trouble->related->second);
    return;
  }
  const std::optional<member> list = list_in(root, source, into.problems);
  // None at all is what a file may say and a configuration may not: somebody scaled to zero.
  if (!list || (list->value.type == node::kind::array && list->value.items.empty())) return;
  const std::size_t before = service.backends.size();
  const spot own_list = places.backend_list;
  read_backends(*list, source, into.problems, service, places);
  places.backend_list = own_list;
  for (std::size_t i = before; i < service.backends.size(); ++i) service.backends[i].from_file = true;
}

/// For what is right already, and quoted nowhere.
service_places places_elsewhere(const service_config& service, const source_text& source) {
  const spot at{&source, {}};
  service_places places;
  places.where = places.backend_list = at;
  places.listeners.assign(service.listeners.size(), at);
  places.backends.assign(service.backends.size(), at);
  return places;
}

}  // namespace

void read_backends_file(const spot& at, loaded& into, service_config& service, service_places& places) {
  const std::string& path = service.backends_file;
  if (!path.ends_with(".json") && !path.ends_with(".toml")) {
    into.problems.error(at, "bad-value", "a backends_file is JSON or TOML, and its name says which",
                        "give it a name that ends in .json or .toml");
    return;
  }
  file_result file = read_regular_file(path);
  if (file.is_missing) {
    into.problems.warning(at, file_code, path + " is not there yet",
                          "until it is, service `" + service.name + "` has only the backends listed here");
  } else if (!file.trouble.empty()) {
    into.problems.error(at, file_code, "can't read " + path + ": " + file.trouble);
  } else {
    read_text(std::move(file.text), into, service, places);
  }
}

backends_result load_backends(const sluice::config& settings, std::size_t service, const std::string& text,
                              const own_address_test& is_own) {
  loaded all;
  all.is_own = is_own;
  all.settings = settings;
  service_config& own = all.settings.services[service];
  std::erase_if(own.backends, [](const backend_config& one) { return one.from_file; });
  const source_text& elsewhere = all.add_text("");
  for (const service_config& one : all.settings.services) all.places.push_back(places_elsewhere(one, elsewhere));
  read_text(text, all, own, all.places[service]);
  check_loops(all);
  check_services(all);
  backends_result result;
  result.diagnostics = all.problems.take();
  std::erase_if(result.diagnostics, [&](const diagnostic& entry) { return entry.where.source != own.backends_file; });
  std::copy_if(own.backends.begin(), own.backends.end(), std::back_inserter(result.backends),
               [](const backend_config& one) { return one.from_file; });
  return result;
}

}  // namespace sluice::conf
