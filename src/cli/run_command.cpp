#include "cli/run_command.hpp"

#include <ostream>

#include "sluice/proxy.hpp"

#include "cli/configuration.hpp"
#include "cli/help.hpp"
#include "cli/sources.hpp"

namespace sluice::cli {

exit_code run_command(const invocation& call, const surroundings& around) {
  const auto sources = gather_sources(call, around);
  if (!sources) {
    around.error << overview();
    return exit_code::usage;
  }
  const auto loaded = load_and_report(call, around, *sources);
  if (!loaded.ok()) return code_for_bad(loaded);
  return proxy(loaded.config).run();
}

}  // namespace sluice::cli
