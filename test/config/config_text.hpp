#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sluice/config_load.hpp"

namespace sluice::test {

using environment = std::vector<std::pair<std::string, std::string>>;

/// Loads a TOML text as if it stood in SLUICE_CONFIG.
inline load_result load_text(const std::string& text, environment variables = {}) {
  config_sources sources;
  variables.emplace_back("SLUICE_CONFIG", text + "\n");
  sources.environment = std::move(variables);
  return load_config(sources);
}

/// What the terminal would show.
inline std::string messages(const load_result& result) {
  std::string text;
  for (const diagnostic& entry : result.diagnostics) text += to_text(entry, false);
  return text;
}

}  // namespace sluice::test
