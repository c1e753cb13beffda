#pragma once

#include "sluice/config_load.hpp"
#include "sluice/error.hpp"

#include "cli/command_line.hpp"
#include "cli/console.hpp"

namespace sluice::cli {

/// How a process ends whose configuration is not ok(): no_permission if its file must not be read, else bad_config.
exit_code code_for_bad(const load_result& result);

/// Loads `sources` and prints what was found to the error stream.
load_result load_and_report(const invocation& call, const surroundings& around, const config_sources& sources);

}  // namespace sluice::cli
