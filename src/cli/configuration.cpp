#include "cli/configuration.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "cli/findings.hpp"

namespace sluice::cli {

exit_code code_for_bad(const load_result& result) {
  const auto found = std::ranges::find(result.diagnostics, "unreadable", &diagnostic::code);
  if (found == result.diagnostics.end()) return exit_code::bad_config;
  errno = 0;
  const std::ifstream file(found->where.source);
  return !file && errno == EACCES ? exit_code::no_permission : exit_code::bad_config;
}

load_result load_and_report(const invocation& call, const surroundings& around, const config_sources& sources) {
  auto result = load_config(sources);
  print_findings(around.error, result.diagnostics, wants_colour(around, call.value_of("color")));
  return result;
}

}  // namespace sluice::cli
