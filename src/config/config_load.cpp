#include "sluice/config_load.hpp"

#include <algorithm>

#include "config/diagnostic_text.hpp"
#include "config/load.hpp"
#include "config/show.hpp"

namespace sluice {

load_result load_config(const config_sources& sources) {
  conf::loaded all;
  conf::load(sources, all);
  return {std::move(all.settings), all.problems.take()};
}

bool load_result::ok() const noexcept {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const diagnostic& entry) { return entry.level == diagnostic::severity::error; });
}

std::string show_config(const config_sources& sources, bool origins) {
  conf::loaded all;
  conf::load(sources, all);
  return all.problems.has_errors() ? std::string{} : conf::show(all, origins);
}

std::string to_text(const diagnostic& value, bool colour) { return conf::terminal_text(value, colour); }

std::string to_string(const source_location& where) {
  if (where.line == 0) return where.source;
  return where.source + ':' + std::to_string(where.line) + ':' + std::to_string(where.column);
}

}  // namespace sluice
