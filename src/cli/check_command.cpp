#include "cli/check_command.hpp"

#include <ostream>

#include "sluice/config_schema.hpp"

#include "cli/configuration.hpp"
#include "cli/findings.hpp"
#include "cli/sources.hpp"

namespace sluice::cli {

exit_code check_command(const invocation& call, const surroundings& around) {
  const auto sources = require_sources(call, around);
  if (call.has("json")) {
    const auto result = load_config(sources);
    around.out << findings_as_json(result, name_of(sources)) << '\n';
    return result.ok() ? exit_code::done : code_for_bad(result);
  }
  const auto result = load_and_report(call, around, sources);
  if (!result.ok()) return code_for_bad(result);
  around.out << name_of(sources) << ": ok: " << summary_of(result.config) << '\n';
  return exit_code::done;
}

exit_code config_show_command(const invocation& call, const surroundings& around) {
  const auto sources = require_sources(call, around);
  const auto result = load_and_report(call, around, sources);
  if (!result.ok()) return code_for_bad(result);
  around.out << show_config(sources, call.has("origin"));
  return exit_code::done;
}

exit_code config_schema_command(const invocation&, const surroundings& around) {
  around.out << config_schema();
  return exit_code::done;
}

}  // namespace sluice::cli
