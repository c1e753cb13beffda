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
/// It exists because no two versions of toml11 agree on places, its tables forget keys' places and order, and
/// toml11 3.7 reads beyond its buffer on some malformed texts: what passes here is well-formed TOML, whose values
/// toml11 then reads. The first thing that is not, or more than 64 levels of nesting, is the trouble.
scan_result scan_toml(std::string_view text);

}  // namespace sluice::conf
