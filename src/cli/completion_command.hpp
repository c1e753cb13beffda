#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// Prints the completion script of the shell that `call` names.
exit_code completion_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
