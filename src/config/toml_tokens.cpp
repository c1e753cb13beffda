#include "config/toml_tokens.hpp"

#include <algorithm>
#include <cctype>

#include "config/toml_scalars.hpp"

namespace sluice::conf {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_bare(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

bool is_first_byte(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

char simple_escape(char c) noexcept {
  switch (c) {
    case 'b': return '\b';
    case 't': return '\t';
    case 'n': return '\n';
    case 'f': return '\f';
    case 'r': return '\r';
    case '"': return '"';
    case '\\': return '\\';
    default: return '\0';
  }
}

}  // namespace

std::uint32_t count_characters(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), is_first_byte));
}

bool cursor::at_line_end() const noexcept { return at_end() || peek() == '\n' || (peek() == '\r' && peek(1) == '\n'); }

void cursor::advance() noexcept {
  if (at_end()) return;
  const bool line_ends = text_[at_.offset++] == '\n';
  if (line_ends) {
    ++at_.line;
    at_.column = 1;
  } else if (at_end() || is_first_byte(text_[at_.offset])) {
    ++at_.column;
  }
}

void cursor::skip_spaces() noexcept {
  while (peek() == ' ' || peek() == '\t') advance();
}

bool cursor::skip_blank_lines() noexcept {
  for (;;) {
    skip_spaces();
    if (peek() == '#') {
      while (!at_line_end()) advance();
    }
    if (at_end()) return false;
    if (!at_line_end()) return true;
    while (peek() == '\r' || peek() == '\n') advance();
  }
}

std::size_t cursor::line_end(std::size_t from) const noexcept {
  std::size_t end = std::min(text_.find('\n', from), text_.size());
  if (end > from && text_[end - 1] == '\r') --end;
  return end;
}

place cursor::since(const mark& start) const noexcept {
  const std::size_t end = std::min(at_.offset, line_end(start.offset));
  return {start.line, start.column, std::max(1U, count_characters(text_.substr(start.offset, end - start.offset)))};
}

place cursor::one() const noexcept {
  place result = since(at_);
  result.width = 1;
  return result;
}

place cursor::rest_of_line() const noexcept {
  cursor end = *this;
  end.at_.offset = line_end(at_.offset);
  return end.since(at_);
}

std::string cursor::take_bare_key() {
  std::string result;
  for (; is_bare(peek()); advance()) result += peek();
  return result;
}

std::string cursor::take_bare_value() {
  std::string result;
  for (; !at_line_end(); advance()) {
    const char c = peek();
    const bool date_and_time =
        c == ' ' && result.size() == 10 && result[4] == '-' && is_digit(peek(1)) && peek(3) == ':';
    if (date_and_time) {
      result += 'T';
      continue;
    }
    if (c == ' ' || c == '\t' || c == ',' || c == ']' || c == '}' || c == '#' || c == '=') break;
    result += c;
  }
  return result;
}

bool cursor::take_escape(string_token& token) {
  advance();
  const char kind = peek();
  const bool line_joint = token.multi_line && (kind == ' ' || kind == '\t' || at_line_end());
  if (line_joint) {
    while (peek() == ' ' || peek() == '\t') advance();
    if (!at_line_end()) return false;
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') advance();
    return true;
  }
  advance();
  if (const char plain = simple_escape(kind); plain != '\0') {
    token.text += plain;
    return true;
  }
  if (kind != 'u' && kind != 'U') return false;
  std::string digits;
  for (std::size_t count = kind == 'u' ? 4 : 8; count > 0 && is_bare(peek()); --count) {
    digits += peek();
    advance();
  }
  if (digits.size() != (kind == 'u' ? 4 : 8)) return false;
  const std::optional<std::string> character = decode_unicode_escape(digits);
  if (character) token.text += *character;
  return character.has_value();
}

string_token cursor::take_string() {
  string_token token;
  const mark start = here();
  const char quote = peek();
  token.multi_line = peek(1) == quote && peek(2) == quote;
  token.verbatim = !token.multi_line;
  for (int quotes = token.multi_line ? 3 : 1; quotes > 0; --quotes) advance();
  const auto closes = [&] { return peek() == quote && (!token.multi_line || (peek(1) == quote && peek(2) == quote)); };
  while (!closes()) {
    if (at_end() || (!token.multi_line && at_line_end())) {
      token.where = since(start);
      token.trouble = {"this text is not closed", std::string("`") + quote + "` is missing"};
      return token;
    }
    if (quote == '"' && peek() == '\\') {
      token.verbatim = false;
      const mark escape = here();
      if (take_escape(token)) continue;
      token.where = since(escape);
      token.trouble = {"this escape is unknown", "a text with backslashes stands in single quotes"};
      return token;
    }
    token.text += peek();
    advance();
  }
  for (int quotes = token.multi_line ? 3 : 1; quotes > 0; --quotes) advance();
  for (int extra = 0; token.multi_line && extra < 2 && peek() == quote; ++extra) advance();
  token.where = since(start);
  return token;
}

}  // namespace sluice::conf
