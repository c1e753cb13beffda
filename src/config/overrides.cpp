#include "config/overrides.hpp"

#include <algorithm>
#include <optional>

#include "config/keys.hpp"
#include "config/nearest.hpp"
#include "config/toml_scalars.hpp"

namespace sluice::conf {
namespace {

constexpr std::string_view defaults_prefix = "defaults.";
constexpr std::string_view variable_prefix = "SLUICE_";

void apply(const std::string& name, const std::string& value, const source_text& source, loaded& into) {
  const std::optional<target> found = find_target(name, into);
  const spot at{&source, {0, 0, 1}};
  if (!found) {
    into.problems.error(at, "unknown-key", "`" + name + "` is no key of sluice");
  } else if (find_bad_byte(value)) {
    into.problems.error(at, "bad-value", "the value is not UTF-8, or has a control character in it");
  } else if (std::optional<complaint> trouble = assign(found->value, value, found->limits)) {
    into.problems.error(at, std::move(*trouble));
  } else {
    into.origins[name] = source.name;
  }
}

/// Kubernetes gives every container variables of this form for a Service that is called sluice.
bool is_service_link(std::string_view name) {
  return name.starts_with("SLUICE_SERVICE_") || name.starts_with("SLUICE_PORT");
}

/// What somebody meant by `name`: the keys whose last words it has (SLUICE_WORKERS), else the one it is a slip of.
std::string meant_by(std::string_view name, const std::vector<std::string>& known) {
  const std::string_view words = name.substr(variable_prefix.size() - 1);
  std::string found;
  for (const std::string& candidate : known) {
    if (words.size() > 1 && candidate.ends_with(words)) found += (found.empty() ? "" : " or ") + candidate;
  }
  if (!found.empty()) return found;
  std::string near = nearest(name, known);
  return near.empty() || edit_distance(name, near) > 2 ? std::string() : near;
}

void warn_of_misspelt(loaded& into) {
  std::vector<std::string> known{"SLUICE_FORWARD", "SLUICE_CONFIG"};
  for (const config_key& key : config_keys()) {
    if (!key.environment.empty()) known.push_back(key.environment);
  }
  for (const auto& [name, value] : into.environment) {
    if (!name.starts_with(variable_prefix) || is_service_link(name)) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string meant = meant_by(name, known);
    if (meant.empty()) continue;
    into.problems.warning({&into.add_text(name), {0, 0, 1}}, "unknown-variable",
                          "this variable is none of sluice's and is ignored", "did you mean " + meant + "?");
  }
}

}  // namespace

std::optional<target> find_target(std::string_view name, loaded& into) {
  if (name.starts_with(defaults_prefix)) {
    for (const service_row& row : service_rows()) {
      if (row.name == name.substr(defaults_prefix.size())) return target{row.find(into.defaults), row.limits};
    }
  }
  for (const program_row& row : program_rows()) {
    if (row.name == name) return target{row.find(into.settings), row.limits};
  }
  return std::nullopt;
}

void apply_environment(loaded& into) {
  for (const config_key& key : config_keys()) {
    const auto found = key.environment.empty() ? into.environment.end() : into.environment.find(key.environment);
    // An empty variable is an unset one: compose files and unit templates leave them behind.
    if (found == into.environment.end() || found->second.empty()) continue;
    apply(key.name, found->second, into.add_text(key.environment), into);
  }
  warn_of_misspelt(into);
}

void apply_options(const std::vector<config_override>& options, loaded& into) {
  for (const config_override& option : options) apply(option.key, option.value, into.add_text(option.origin), into);
}

}  // namespace sluice::conf
