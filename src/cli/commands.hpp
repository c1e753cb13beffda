#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

// One function a verb of the command table. Each prints and says how the process should end; usage_error and
// startup_error pass through to execute().
exit_code run_command(const invocation& call, const surroundings& around);
exit_code check_command(const invocation& call, const surroundings& around);
exit_code config_show_command(const invocation& call, const surroundings& around);
exit_code demo_command(const invocation& call, const surroundings& around);
exit_code version_command(const invocation& call, const surroundings& around);
exit_code help_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
