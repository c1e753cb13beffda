#include "config/toml_hints.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace sluice::conf {
namespace {

using named = std::pair<std::string_view, std::string_view>;

constexpr std::array<std::string_view, 6> curly_quotes{"\u201C", "\u201D", "\u201E", "\u2018", "\u2019", "\u00AB"};
constexpr std::array<named, 4> blanks{{{"\u00A0", "no-break space"},
                                       {"\u200B", "zero-width space"},
                                       {"\u3000", "ideographic space"},
                                       {"\uFEFF", "byte order mark"}}};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_bare(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

std::string in_small_letters(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string_view without_leading_blanks(std::string_view text) noexcept {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

}  // namespace

std::string hint_for_value(const std::string& word) {
  const std::string small = in_small_letters(word);
  if (small == "true" || small == "false") return "write " + small + ", in small letters";
  if (small == "yes" || small == "on") return "write true, or \"" + word + "\" if it is a text";
  if (small == "no" || small == "off") return "write false, or \"" + word + "\" if it is a text";
  const bool curly = std::any_of(curly_quotes.begin(), curly_quotes.end(),
                                 [&](std::string_view quote) { return word.starts_with(quote); });
  if (curly) return "replace the curly quotes by plain ones: \"";
  return "texts stand in quotes: \"" + word + '"';
}

std::string hint_for_key(std::string_view rest) {
  if (rest.starts_with(';') || rest.starts_with("//")) return "a comment begins with #";
  return "keys are letters, digits, - and _; others stand in quotes: \"127.0.0.1:80\" = ...";
}

std::string hint_for_equals(const std::string& key, std::string_view rest) {
  if (rest.size() > 1 && (rest[0] == ':' || rest[0] == '/') && (is_digit(rest[1]) || rest[1] == '/')) {
    const std::size_t end = rest.find_first_of(" \t=\r\n");
    return "a key with such characters stands in quotes: \"" + key + std::string(rest.substr(0, end)) + "\" = ...";
  }
  if (rest.starts_with(':')) return "write `key = value`, with `=` for `:`";
  return "write `key = value`; keys with other characters stand in quotes";
}

std::string_view foreign_blank(std::string_view rest) noexcept {
  const auto found =
      std::find_if(blanks.begin(), blanks.end(), [&](const named& blank) { return rest.starts_with(blank.first); });
  return found == blanks.end() ? std::string_view() : found->second;
}

bool begins_something_else(std::string_view rest) noexcept {
  rest = rest.substr(0, rest.find_first_of("\r\n"));
  const bool bracket = rest.starts_with('[');
  if (bracket) rest.remove_prefix(rest.starts_with("[[") ? 2 : 1);
  const auto end = std::find_if(rest.begin(), rest.end(), [](char c) { return !is_bare(c) && c != '.'; });
  const std::string_view name = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  const std::string_view behind = without_leading_blanks(rest.substr(name.size()));
  const bool is_word = !name.empty() && name != "true" && name != "false" && !is_digit(name.front());
  return is_word && behind.starts_with(bracket ? ']' : '=');
}

}  // namespace sluice::conf
