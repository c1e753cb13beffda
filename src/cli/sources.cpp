#include "cli/sources.hpp"

#include <filesystem>

namespace sluice::cli {

std::vector<config_override> overrides(const invocation& call) {
  if (call.has("quiet") && call.has("verbose")) throw usage_error("--quiet and --verbose contradict each other");
  std::vector<config_override> list;
  for (const auto& option : source_options()) {
    if (!option.key.empty() && call.has(option.name))
      list.push_back({std::string(option.key), call.value_of(option.name), "--" + std::string(option.name)});
  }
  const bool has_level = call.has("log-level");
  if (call.has("quiet")) {
    if (!has_level) list.push_back({"log.level", "error", "--quiet"});
    list.push_back({"log.access", "false", "--quiet"});
  }
  if (call.has("verbose") && !has_level) list.push_back({"log.level", "debug", "--verbose"});
  return list;
}

std::optional<config_sources> gather_sources(const invocation& call, const surroundings& around) {
  if (call.has("config") && call.value_of("config").empty())
    throw usage_error("--config names no file", "was a variable empty? leave -c out to read no file");
  config_sources sources{.file = call.value_of("config"),
                         .forwards = call.words,
                         .options = overrides(call),
                         .environment = around.variables,
                         .is_own = around.is_own};
  const bool anything = !sources.file.empty() || !sources.forwards.empty() ||
                        !lookup(around.variables, "SLUICE_CONFIG").empty() ||
                        !lookup(around.variables, "SLUICE_FORWARD").empty();
  if (anything) return sources;
  // A file that is there but must not be looked at counts as there: the loader then says what is wrong with it.
  std::error_code ignored;
  if (std::filesystem::status(around.default_file, ignored).type() == std::filesystem::file_type::not_found)
    return std::nullopt;
  sources.file = around.default_file;
  return sources;
}

config_sources require_sources(const invocation& call, const surroundings& around) {
  auto sources = gather_sources(call, around);
  if (!sources)
    throw usage_error("there is no configuration to read",
                      "give a file with -c, a mapping such as 8080=10.0.0.5:80, or put one at " + around.default_file);
  return *std::move(sources);
}

std::string name_of(const config_sources& sources) {
  if (!sources.file.empty()) return sources.file;
  return sources.forwards.empty() ? "environment" : "command line";
}

}  // namespace sluice::cli
