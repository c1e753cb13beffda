#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// Loads the configuration and runs a proxy until it is told to stop. Throws startup_error, usage_error.
exit_code run_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
