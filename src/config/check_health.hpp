#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// What the keys `health.*` of a service say together: texts that cannot be used, keys that exclude or need each other.
void check_health(loaded& all);

}  // namespace sluice::conf
