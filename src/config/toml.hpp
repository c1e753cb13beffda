#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/document.hpp"

namespace sluice::conf {

struct toml_result {
  node root;
  std::optional<syntax_trouble> trouble;
};

/// Reads a TOML text (1.0) into our tree. toml11 is known to this function's file alone.
toml_result parse_toml(const std::string& text);

}  // namespace sluice::conf
