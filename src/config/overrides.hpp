#pragma once

#include <string>
#include <vector>

#include "config/loaded.hpp"
#include "config/slot.hpp"

namespace sluice::conf {

/// The member a full key name sets ("log.level", "defaults.relay"), and what it may hold.
struct target {
  slot value;
  bounds limits;
};
std::optional<target> find_target(std::string_view name, loaded& into);

/// SLUICE_LOG_LEVEL and the like, and a warning for a variable that is nearly one of ours.
void apply_environment(loaded& into);

/// What command-line options set.
void apply_options(const std::vector<config_override>& options, loaded& into);

}  // namespace sluice::conf
