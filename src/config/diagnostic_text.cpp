#include "config/diagnostic_text.hpp"

#include <algorithm>

#include "sluice/config_load.hpp"

#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

/// A quoted line is cut around the caret to this many characters.
constexpr std::size_t longest_quote = 160;

bool steers_terminal(char c) noexcept { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

std::string printable(std::string text) {
  std::replace_if(text.begin(), text.end(), steers_terminal, '?');
  return text;
}

/// The line as characters, so that the caret stands under the right one. What could steer a terminal becomes '?'.
std::vector<std::string> split_characters(const std::string& line) {
  std::vector<std::string> characters;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U && !characters.empty()) {
      characters.back() += c;
    } else {
      characters.emplace_back(1, steers_terminal(c) ? '?' : c);
    }
  }
  return characters;
}

std::string quote(const diagnostic& value, const char* on, const char* off) {
  const std::vector<std::string> characters = split_characters(value.source_line);
  const std::size_t caret = std::min<std::size_t>(value.where.column - 1, characters.size());
  const std::size_t begin = caret + 40 > longest_quote ? caret + 40 - longest_quote : 0;
  const std::size_t end = std::min(characters.size(), begin + longest_quote);
  std::string line = begin > 0 ? "..." : "";
  std::string run(line.size(), ' ');
  for (std::size_t i = begin; i < end; ++i) {
    line += characters[i];
    if (i < caret) run += characters[i] == "\t" ? '\t' : ' ';
  }
  const std::size_t width =
      std::clamp<std::size_t>(value.width, 1, std::max<std::size_t>(1, end - std::min(caret, end)));
  if (end < characters.size()) line += "...";
  return "  " + line + "\n  " + run + on + std::string(width, '^') + off + '\n';
}

}  // namespace

std::string terminal_text(const diagnostic& value, bool colour) {
  const bool is_error = value.level == diagnostic::severity::error;
  const char* bold = colour ? "\033[1m" : "";
  const char* accent = !colour ? "" : is_error ? "\033[1;31m" : "\033[1;33m";
  const char* calm = colour ? "\033[36m" : "";
  const char* off = colour ? "\033[0m" : "";
  std::string result = bold + printable(to_string(value.where)) + ':' + off + ' ' + accent +
                       (is_error ? "error" : "warning") + '[' + value.code + ']' + off + ": " + printable(value.text) +
                       '\n';
  if (!value.source_line.empty() && value.where.column > 0) result += quote(value, accent, off);
  for (const auto& [where, note] : value.related) {
    result += "  " + std::string(bold) + printable(to_string(where)) + ':' + off + " note: " + printable(note) + '\n';
  }
  if (!value.hint.empty()) result += "  " + std::string(calm) + "hint:" + off + ' ' + printable(value.hint) + '\n';
  return result;
}

}  // namespace sluice::conf
