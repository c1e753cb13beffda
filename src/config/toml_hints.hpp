#pragma once

#include <string>
#include <string_view>

namespace sluice::conf {

/// What people who do not write TOML every day mean by a text that is none. All of them answer with a hint.

/// A bare word that stands where a value belongs.
std::string hint_for_value(const std::string& word);

/// What stands where a key belongs.
std::string hint_for_key(std::string_view rest);

/// What stands behind a key, where `=` belongs. `key` is the key as written.
std::string hint_for_equals(const std::string& key, std::string_view rest);

/// The name of the blank that `rest` begins with if TOML does not take it for one; empty for anything else.
std::string_view foreign_blank(std::string_view rest) noexcept;

/// A line that can't belong to a list: a header, or a key and its value. The list before it was not closed.
bool begins_something_else(std::string_view rest) noexcept;

}  // namespace sluice::conf
