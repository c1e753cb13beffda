#include "cli/console.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace sluice::cli {

std::string_view lookup(const environment& variables, std::string_view name) {
  const auto found = std::ranges::find(variables, name, &environment::value_type::first);
  return found == variables.end() ? std::string_view() : std::string_view(found->second);
}

surroundings process_surroundings(char** variables) {
  surroundings around{.out = std::cout, .error = std::cerr, .error_is_terminal = ::isatty(STDERR_FILENO) == 1};
  around.is_own = is_own_address;
  for (; *variables != nullptr; ++variables) {
    const std::string_view variable(*variables);
    const auto end = variable.find('=');
    if (end != std::string_view::npos) around.variables.emplace_back(variable.substr(0, end), variable.substr(end + 1));
  }
  return around;
}

bool wants_colour(const surroundings& around, std::string_view when) {
  if (when == "always") return true;
  if (when == "never") return false;
  return around.error_is_terminal && lookup(around.variables, "NO_COLOR").empty() &&
         lookup(around.variables, "TERM") != "dumb";
}

}  // namespace sluice::cli
