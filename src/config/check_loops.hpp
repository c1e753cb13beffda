#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// Backends that provably lead back to the service they belong to.
void check_loops(loaded& all);

}  // namespace sluice::conf
