#pragma once

#include <string>

#include "sluice/config_load.hpp"

namespace sluice::conf {

/// A diagnostic as the terminal shows it. Nothing in it can steer the terminal but our own colours.
std::string terminal_text(const diagnostic& value, bool colour);

}  // namespace sluice::conf
