#include "config/toml_scalars.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace sluice::conf {
namespace {

using predicate = bool (*)(char);

bool is_decimal(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_octal(char c) noexcept { return c >= '0' && c <= '7'; }
bool is_binary(char c) noexcept { return c == '0' || c == '1'; }
bool is_hexadecimal(char c) noexcept { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

/// Takes digits with single underscores between them; false if there are none.
bool take_digits(std::string_view& text, predicate is_digit) noexcept {
  std::size_t length = 0;
  while (length < text.size()) {
    const bool joint = text[length] == '_' && length > 0 && length + 1 < text.size() && is_digit(text[length + 1]);
    if (!is_digit(text[length]) && !joint) break;
    length += joint ? 2 : 1;
  }
  text.remove_prefix(length);
  return length > 0;
}

bool take_sign(std::string_view& text) noexcept {
  const bool found = text.starts_with('+') || text.starts_with('-');
  if (found) text.remove_prefix(1);
  return found;
}

bool is_number(std::string_view text) noexcept {
  const bool is_signed = take_sign(text);
  if (text == "inf" || text == "nan") return true;
  if (!is_signed && text.size() > 2 && text[0] == '0') {
    const predicate digits = text[1] == 'x'   ? is_hexadecimal
                             : text[1] == 'o' ? is_octal
                             : text[1] == 'b' ? is_binary
                                              : predicate{nullptr};
    text.remove_prefix(digits != nullptr ? 2 : 0);
    if (digits != nullptr) return take_digits(text, digits) && text.empty();
  }
  const bool leading_zero = text.size() > 1 && text[0] == '0' && (is_decimal(text[1]) || text[1] == '_');
  if (leading_zero || !take_digits(text, is_decimal)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits(text, is_decimal)) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    take_sign(text);
    if (!take_digits(text, is_decimal)) return false;
  }
  return text.empty();
}

/// Takes a number of exactly so many digits that lies between the bounds.
bool take_field(std::string_view& text, std::size_t digits, int least, int most) noexcept {
  if (text.size() < digits ||
      !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(digits), is_decimal))
    return false;
  int value = 0;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  return value >= least && value <= most;
}

bool take(std::string_view& text, char wanted) noexcept {
  const bool found = text.starts_with(wanted);
  if (found) text.remove_prefix(1);
  return found;
}

bool take_date(std::string_view& text) noexcept {
  return take_field(text, 4, 0, 9999) && take(text, '-') && take_field(text, 2, 1, 12) && take(text, '-') &&
         take_field(text, 2, 1, 31);
}

bool take_time(std::string_view& text) noexcept {
  const bool whole = take_field(text, 2, 0, 23) && take(text, ':') && take_field(text, 2, 0, 59) && take(text, ':') &&
                     take_field(text, 2, 0, 60);
  if (!whole || !take(text, '.')) return whole;
  const std::size_t digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_decimal) - text.begin());
  text.remove_prefix(digits);
  return digits > 0;
}

bool is_date_or_time(std::string_view text) noexcept {
  if (std::string_view time = text; take_time(time) && time.empty()) return true;
  if (!take_date(text)) return false;
  if (text.empty()) return true;
  if (!take(text, 'T') && !take(text, 't')) return false;
  if (!take_time(text)) return false;
  if (text.empty() || text == "Z" || text == "z") return true;
  return take_sign(text) && take_field(text, 2, 0, 23) && take(text, ':') && take_field(text, 2, 0, 59) && text.empty();
}

bool is_character(std::uint32_t code) noexcept { return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF); }

}  // namespace

bool is_scalar(std::string_view token) noexcept {
  return token == "true" || token == "false" || is_number(token) || is_date_or_time(token);
}

std::optional<std::size_t> find_bad_byte(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const bool line_end = first == '\n' || (first == '\r' && at + 1 < text.size() && text[at + 1] == '\n');
    if ((first < 0x20 && first != '\t' && !line_end) || first == 0x7F) return at;
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || at + length > text.size()) return at;
    std::uint32_t code = length == 1 ? first : first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0U) != 0x80U) return at;
      code = (code << 6U) | (next & 0x3FU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || !is_character(code)) return at;
    at += length;
  }
  return std::nullopt;
}

std::optional<std::string> decode_unicode_escape(std::string_view digits) {
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (error != std::errc{} || end != digits.data() + digits.size() || !is_character(code)) return std::nullopt;
  std::string result;
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  if (code < 0x800) {
    result += static_cast<char>(0xC0U | (code >> 6U));
  } else if (code < 0x10000) {
    result += static_cast<char>(0xE0U | (code >> 12U));
    result += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
  } else {
    result += static_cast<char>(0xF0U | (code >> 18U));
    result += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
    result += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
  }
  result += static_cast<char>(0x80U | (code & 0x3FU));
  return result;
}

}  // namespace sluice::conf
