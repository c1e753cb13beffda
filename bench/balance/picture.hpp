#pragma once

#include <string>

#include "simulation.hpp"

namespace sluice::simulation {

/// The sessions of every backend over a minute, as an SVG that is readable on light and on dark pages.
std::string draw(const std::string& title, const outcome& what, const std::string& note);

}  // namespace sluice::simulation
