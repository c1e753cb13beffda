#pragma once

#include <string>

#include "config/loaded.hpp"

namespace sluice::conf {

/// What was loaded, as TOML; with origins, a comment on every line says where its value came from.
std::string show(loaded& all, bool origins);

}  // namespace sluice::conf
