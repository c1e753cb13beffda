#pragma once

#include <string>

#include "cli/command_table.hpp"

namespace sluice::cli {

/// The first screen: what sluice is, its verbs, two examples. At most 24 lines of at most 80 columns.
std::string overview();

/// One verb, whole: usage, options, examples. The same bounds.
std::string verb_help(const verb_spec& verb);

}  // namespace sluice::cli
