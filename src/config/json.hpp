#pragma once

#include <optional>
#include <string>

#include "config/document.hpp"

namespace sluice::conf {

struct json_result {
  node root;
  std::optional<syntax_trouble> trouble;
};

/// Reads a JSON text (RFC 8259) into our tree, with the place of every key and value. A key that stands twice in an
/// object is an error.
json_result parse_json(const std::string& text);

}  // namespace sluice::conf
