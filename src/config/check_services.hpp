#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// Range lengths and weights, service by service.
void check_services(loaded& all);

}  // namespace sluice::conf
