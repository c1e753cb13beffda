#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// Two listeners that would want the same address.
void check_listeners(loaded& all);

}  // namespace sluice::conf
