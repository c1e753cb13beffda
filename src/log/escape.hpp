#pragma once

#include <string>
#include <string_view>

namespace sluice::log {

/// What strangers sent must not act on a terminal or forge a line: control characters (C0, DEL, C1), line and
/// paragraph separators, marks that turn the direction of text around and bytes that are not UTF-8 are always escaped.

/// Appends the inside of a JSON string: escapes as JSON has them, U+FFFD for each byte that is not UTF-8.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends for a person to read: \n, \t, \\, \xNN for bytes, \u{NNNN} for characters.
void append_text_escaped(std::string& out, std::string_view text);

/// The same, and in quotes if the text could be taken for more than one word.
void append_text_word(std::string& out, std::string_view text);

}  // namespace sluice::log
