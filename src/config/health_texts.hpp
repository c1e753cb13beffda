#pragma once

#include <optional>
#include <string>

#include "config/quantity.hpp"

namespace sluice::conf {

/// What is wrong with the texts of the keys `health.*`; nothing if they can be used. All but status may be empty.
std::optional<complaint> status_trouble(const std::string& text);
std::optional<complaint> hex_trouble(const std::string& text);
std::optional<complaint> regex_trouble(const std::string& text);
std::optional<complaint> ip_trouble(const std::string& text);
/// Of a text that stands in a line of HTTP.
std::optional<complaint> line_trouble(const std::string& text);
std::optional<complaint> path_trouble(const std::string& text);

}  // namespace sluice::conf
