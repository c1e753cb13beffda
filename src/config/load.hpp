#pragma once

#include "sluice/config_load.hpp"

#include "config/loaded.hpp"

namespace sluice::conf {

/// Reads, merges and checks; what load_config() and show_config() share. `into` is fresh.
void load(const config_sources& sources, loaded& into);

}  // namespace sluice::conf
