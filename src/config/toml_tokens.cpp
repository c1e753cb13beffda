#include "config/toml_tokens.hpp"

#include <algorithm>
#include <cctype>

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
      advance();
      const char next = peek();
      const bool long_form = next == 'u' || next == 'U';
      const bool line_joint = token.multi_line && (next == ' ' || next == '\t' || next == '\r' || next == '\n');
      if (simple_escape(next) == '\0' && !long_form && !line_joint) {
        advance();
        token.where = since(escape);
        token.trouble = {"this escape is unknown", "a text with backslashes stands in single quotes"};
        return token;
      }
      token.text += long_form || line_joint ? next : simple_escape(next);
    } else {
      token.text += peek();
    }
    advance();
  }
  for (int quotes = token.multi_line ? 3 : 1; quotes > 0; --quotes) advance();
  for (int extra = 0; token.multi_line && extra < 2 && peek() == quote; ++extra) advance();
  token.where = since(start);
  return token;
}

bool looks_like_value(std::string_view token) noexcept {
  if (token == "true" || token == "false") return true;
  std::string_view number = token;
  if (!number.empty() && (number[0] == '+' || number[0] == '-')) number.remove_prefix(1);
  if (number == "inf" || number == "nan") return true;
  if (number.empty() || !is_digit(number[0])) return false;
  const bool prefixed =
      number.size() > 2 && number[0] == '0' && (number[1] == 'x' || number[1] == 'o' || number[1] == 'b');
  if (prefixed) return std::all_of(number.begin() + 2, number.end(), is_bare);
  if (number.size() >= 8 && (number[4] == '-' || number[2] == ':')) return true;
  int points = 0;
  int exponents = 0;
  for (std::size_t i = 0; i < number.size(); ++i) {
    const char c = number[i];
    if (c == '.')
      ++points;
    else if (c == 'e' || c == 'E')
      ++exponents;
    else if ((c == '+' || c == '-') && i > 0 && (number[i - 1] == 'e' || number[i - 1] == 'E'))
      continue;
    else if (!is_digit(c) && c != '_')
      return false;
  }
  return points <= 1 && exponents <= 1;
}

}  // namespace sluice::conf
