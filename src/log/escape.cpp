#include "log/escape.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace sluice::log {
namespace {

struct character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

/// The UTF-8 character at the start of text, which is not empty. Overlong forms, surrogates and what lies beyond
/// U+10FFFF are not valid (RFC 3629); an invalid sequence is one byte long.
character decode(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, length, true};
}

bool is_hostile(char32_t code) noexcept {
  const auto between = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
  return code < 0x20 || between(0x7f, 0x9f) || between(0x200e, 0x200f) || between(0x2028, 0x202e) ||
         between(0x2066, 0x2069);
}

/// Bytes at the start of text that go out as they are: printable ASCII except the two that both formats escape.
std::size_t plain_prefix(std::string_view text) noexcept {
  std::size_t n = 0;
  while (n < text.size() && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\') ++n;
  return n;
}

/// Copies text to out; every character that is not plain goes through `special`.
template <typename Special>
void append_filtered(std::string& out, std::string_view text, Special special) {
  while (true) {
    const std::size_t plain = plain_prefix(text);
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const character next = decode(text);
    special(next, text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
}

void append_text(std::string& out, std::string_view text, bool in_quotes) {
  append_filtered(out, text, [&](const character& c, std::string_view raw) {
    if (!c.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(raw[0]));
    } else if (c.code == '"') {
      out += in_quotes ? "\\\"" : "\"";
    } else if (c.code == '\\') {
      out += "\\\\";
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (c.code < 0x80) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint32_t>(c.code));
    } else if (is_hostile(c.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:04x}}}", static_cast<std::uint32_t>(c.code));
    } else {
      out += raw;
    }
  });
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  append_filtered(out, text, [&](const character& c, std::string_view raw) {
    if (!c.valid) {
      out += "\\ufffd";
    } else if (c.code == '"') {
      out += "\\\"";
    } else if (c.code == '\\') {
      out += "\\\\";
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (is_hostile(c.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<std::uint32_t>(c.code));
    } else {
      out += raw;
    }
  });
}

void append_text_escaped(std::string& out, std::string_view text) { append_text(out, text, false); }

void append_text_word(std::string& out, std::string_view text) {
  const bool needs_quotes = text.empty() || text.find_first_of(" \",()") != std::string_view::npos;
  if (needs_quotes) out += '"';
  append_text(out, text, needs_quotes);
  if (needs_quotes) out += '"';
}

}  // namespace sluice::log
