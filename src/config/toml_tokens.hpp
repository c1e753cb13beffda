#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/document.hpp"

namespace sluice::conf {

/// Characters of UTF-8 text: every byte that is no continuation byte.
std::uint32_t count_characters(std::string_view text) noexcept;

struct mark {
  std::size_t offset = 0;
  std::uint32_t line = 1;
  std::uint32_t column = 1;  ///< in characters
};

struct string_token {
  std::string text;  ///< what stands between the quotes, escapes undone
  place where;       ///< with the quotes; up to the end of the line if it goes on
  bool verbatim = false;
  bool multi_line = false;
  std::optional<std::pair<std::string, std::string>> trouble;  ///< text and hint
};

/// A place in a text that moves forward and knows its line.
class cursor {
 public:
  explicit cursor(std::string_view text) noexcept : text_(text) {}

  /// The next byte, '\0' at the end.
  char peek(std::size_t ahead = 0) const noexcept {
    return at_.offset + ahead < text_.size() ? text_[at_.offset + ahead] : '\0';
  }
  bool at_end() const noexcept { return at_.offset >= text_.size(); }
  bool at_line_end() const noexcept;
  void advance() noexcept;
  void skip_spaces() noexcept;
  /// Over blanks, comments and line ends; false at the end of the text.
  bool skip_blank_lines() noexcept;

  mark here() const noexcept { return at_; }
  /// From start to here, or to the end of start's line.
  place since(const mark& start) const noexcept;
  place one() const noexcept;
  place rest_of_line() const noexcept;

  std::string take_bare_key();
  /// Up to a blank, comma, closing bracket or comment. A date and its time are one token.
  std::string take_bare_value();
  string_token take_string();

 private:
  /// Over a backslash and what belongs to it; false if that is nothing.
  bool take_escape(string_token& token);
  std::size_t line_end(std::size_t from) const noexcept;

  std::string_view text_;
  mark at_;
};

}  // namespace sluice::conf
