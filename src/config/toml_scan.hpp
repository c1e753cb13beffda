#pragma once

#include <optional>
#include <string_view>

#include "config/document.hpp"

namespace sluice::conf {

struct scan_result {
  node root;  ///< keys, places and kinds; the values of scalars are left empty
  std::optional<syntax_trouble> trouble;
};

/// Finds where every key and value of a TOML text stands, in the order of the text.
///
/// It exists because no two versions of toml11 agree on places, and its tables forget keys' places and order. It knows
/// TOML's structure, not its values: those toml11 reads afterwards. The first thing it cannot walk over, or more
/// than 64 levels of nesting, is the trouble.
scan_result scan_toml(std::string_view text);

}  // namespace sluice::conf
