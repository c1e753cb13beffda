#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::conf {

/// True for the booleans, numbers, dates and times of TOML 1.0, as they are written.
bool is_scalar(std::string_view token) noexcept;

/// The offset of the first byte that may stand nowhere in a TOML text: invalid UTF-8 or a control character.
std::optional<std::size_t> find_bad_byte(std::string_view text) noexcept;

/// The UTF-8 of what \uXXXX or \UXXXXXXXX stands for, without the backslash and the letter. nullopt: no such character.
std::optional<std::string> decode_unicode_escape(std::string_view digits);

}  // namespace sluice::conf
