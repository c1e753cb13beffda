#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// Prints the version or, with --verbose, system_facts().
exit_code version_command(const invocation& call, const surroundings& around);

/// Prints the overview or the help of the verb that `call`'s words name. Throws usage_error.
exit_code help_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
