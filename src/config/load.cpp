#include "config/load.hpp"

#include <algorithm>
#include <sstream>

#include "config/address.hpp"
#include "config/check_health.hpp"
#include "config/check_listeners.hpp"
#include "config/check_loops.hpp"
#include "config/check_reply.hpp"
#include "config/check_services.hpp"
#include "config/expand.hpp"
#include "config/keys.hpp"
#include "config/overrides.hpp"
#include "config/read_file.hpp"
#include "config/read_keys.hpp"
#include "config/read_service.hpp"
#include "config/toml.hpp"

namespace sluice::conf {
namespace {

const std::string config_variable = "SLUICE_CONFIG";
const std::string forward_variable = "SLUICE_FORWARD";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(std::move(part));
  return parts;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// A document that was parsed; no source: there was none, or it is no TOML (which is reported).
struct document {
  const source_text* source = nullptr;
  node root;
};

document parse(std::string text, std::string name, loaded& into) {
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  source_text& source = into.texts.emplace_back(source_text{std::move(name), split(text, '\n')});
  for (std::string& line : source.lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  toml_result parsed = parse_toml(text);
  if (!parsed.trouble) {
    expand_variables(parsed.root, into.environment, source, into.problems);
    return {&source, std::move(parsed.root)};
  }
  const syntax_trouble& trouble = *parsed.trouble;
  diagnostic& entry = into.problems.error({&source, trouble.where}, "syntax", trouble.text, trouble.hint);
  if (trouble.related)
    entry.related.emplace_back(spot{&source, trouble.related->first}.location(), trouble.related->second);
  return {};
}

document read_document(const config_sources& sources, loaded& into) {
  std::string path = sources.file;
  const auto variable = into.environment.find(config_variable);
  if (path.empty() && variable != into.environment.end()) {
    const bool is_text = variable->second.find_first_of("\n=") != std::string::npos;
    if (is_text) return parse(variable->second, config_variable, into);
    path = variable->second;
  }
  if (path.empty()) return {};
  file_result file = read_file(path);
  if (file.trouble.empty()) return parse(std::move(file.text), path, into);
  into.problems.error({&into.add_text(path), {0, 0, 1}}, "unreadable", "can't read the configuration: " + file.trouble);
  return {};
}

void read_version(const member& entry, const source_text& source, report& problems) {
  if (entry.value.type == node::kind::integer && entry.value.number == 1) return;
  problems.error({&source, entry.value.where}, entry.value.type == node::kind::integer ? "bad-value" : "bad-type",
                 "this version of the format is not known", "write version = 1");
}

void check_name_servers(const std::vector<std::string>& servers, const spot& at, const node* list, report& problems) {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const address_result parsed = parse_name_server(servers[i]);
    if (parsed.value) continue;
    const spot exact = list != nullptr ? spot{at.source, list->items[i].where} : at;
    problems.error(exact, "bad-address", parsed.text, parsed.hint);
  }
}

void read_value(const std::string& name, const member& entry, const source_text& source, loaded& into) {
  const spot at{&source, entry.value.where};
  const std::optional<target> found = find_target(name, into);
  if (std::optional<complaint> trouble = assign(found->value, entry.value, found->limits)) {
    into.problems.error(at, std::move(*trouble));
    return;
  }
  into.origins[name] = to_string(at.location());
  if (name == "defaults.reply.file") check_reply(into.defaults.reply_file, at, into.problems);
  if (name == "dns.servers") check_name_servers(into.settings.dns.servers, at, &entry.value, into.problems);
}

/// Everything but services: those come last, on top of complete defaults.
void read_program(const document& file, loaded& into, std::vector<const member*>& services) {
  key_names names{{"version", "forward", "service"}, {}};
  for (const program_row& row : program_rows()) names.here.emplace_back(row.name);
  for (const service_row& row : service_rows()) {
    names.here.emplace_back("defaults." + std::string(row.name));
  }
  names.elsewhere = {"service.NAME.listen", "service.NAME.backends"};
  read_keys(file.root, *file.source, names, into.problems, [&](const std::string& name, const member& entry) {
    if (name == "version")
      read_version(entry, *file.source, into.problems);
    else if (name == "forward" || name == "service")
      services.push_back(&entry);
    else
      read_value(name, entry, *file.source, into);
  });
}

void read_environment_forwards(loaded& into) {
  const auto found = into.environment.find(forward_variable);
  if (found == into.environment.end()) return;
  std::vector<std::string> words = split(found->second, ',');
  std::transform(words.begin(), words.end(), words.begin(), trimmed);
  read_forward_words(into.add_text(forward_variable, std::move(words)), into);
}

void require_services(const document& file, loaded& into) {
  if (!into.settings.services.empty() || into.problems.has_errors()) return;
  const source_text& source = file.source != nullptr ? *file.source : into.add_text("configuration");
  into.problems.error({&source, {0, 0, 1}}, "no-services", "there is nothing to forward",
                      R"(write "8080" = "10.0.0.5:80" under [forward], or run sluice 8080=10.0.0.5:80)");
}

}  // namespace

void load(const config_sources& sources, loaded& into) {
  into.environment.insert(sources.environment.begin(), sources.environment.end());
  into.is_own = sources.is_own;
  const document file = read_document(sources, into);
  std::vector<const member*> services;
  if (file.source != nullptr) read_program(file, into, services);
  const std::vector<std::string> servers_of_file = into.settings.dns.servers;
  apply_environment(into);
  apply_options(sources.options, into);
  if (into.settings.dns.servers != servers_of_file) {
    const source_text& origin = into.add_text(into.origins["dns.servers"]);
    check_name_servers(into.settings.dns.servers, {&origin, {0, 0, 1}}, nullptr, into.problems);
  }
  // Mappings first: they name their services by address, and a [service.NAME] of that name is then the odd one.
  for (const member* entry : services) {
    if (entry->key == "forward") read_forwards(*entry, *file.source, into);
  }
  read_environment_forwards(into);
  read_forward_words(into.add_text("command line", sources.forwards), into);
  for (const member* entry : services) {
    if (entry->key == "service") read_services(*entry, *file.source, into);
  }
  check_listeners(into);
  check_loops(into);
  check_services(into);
  check_health(into);
  require_services(file, into);
}

}  // namespace sluice::conf
