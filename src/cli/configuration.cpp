#include "cli/configuration.hpp"

#include <cerrno>
#include <fstream>

#include "cli/findings.hpp"

namespace sluice::cli {

exit_code code_for_bad(const config_sources& sources) {
  if (sources.file.empty()) return exit_code::bad_config;
  errno = 0;
  const std::ifstream file(sources.file);
  return !file && errno == EACCES ? exit_code::no_permission : exit_code::bad_config;
}

load_result load_and_report(const invocation& call, const surroundings& around, const config_sources& sources) {
  auto result = load_config(sources);
  print_findings(around.error, result.diagnostics, wants_colour(around, call.value_of("color")));
  return result;
}

}  // namespace sluice::cli
