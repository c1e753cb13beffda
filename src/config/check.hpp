#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// Two listeners that would want the same address.
void check_listeners(loaded& all);

/// Backends that provably lead back to the service they belong to.
void check_loops(loaded& all);

/// Range lengths and weights, service by service.
void check_services(loaded& all);

}  // namespace sluice::conf
