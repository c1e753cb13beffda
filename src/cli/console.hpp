#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/config_load.hpp"

namespace sluice::cli {

using environment = std::vector<std::pair<std::string, std::string>>;

/// The variable's value; empty if it is not set (an empty value counts as not set everywhere in sluice).
std::string_view lookup(const environment& variables, std::string_view name);

/// What a command sees of the world around the process; tests hand in their own.
struct surroundings {
  std::ostream& out;    ///< results
  std::ostream& error;  ///< everything else
  bool error_is_terminal = false;
  environment variables{};
  std::string default_file = "/etc/sluice/sluice.toml";  ///< run when nothing else is asked for
  own_address_test is_own{};                             ///< see config_sources
};

/// The real ones: std::cout, std::cerr and the environment as main() gets it.
surroundings process_surroundings(char** variables);

/// Whether messages on the error stream are coloured. `when` is the value of --color: always, never, or auto (also
/// empty): on a terminal that has colours, unless NO_COLOR is set.
bool wants_colour(const surroundings& around, std::string_view when);

}  // namespace sluice::cli
