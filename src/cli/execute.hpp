#pragma once

#include <span>
#include <string>

#include "sluice/error.hpp"

#include "cli/console.hpp"

namespace sluice::cli {

/// The program as a function of its arguments (without the program's name) and its surroundings.
/// What a user did wrong and what a proxy could not start for is printed and becomes the exit code; other
/// exceptions pass through.
exit_code execute(std::span<const std::string> arguments, const surroundings& around);

}  // namespace sluice::cli
