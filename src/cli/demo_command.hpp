#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// Runs three small web servers and a proxy over them, and says what moved. Throws startup_error, usage_error.
exit_code demo_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
