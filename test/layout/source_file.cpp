#include "layout/source_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace sluice::layout {
namespace {

bool is_word(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The word that ends at the end of `text`.
std::string_view last_word(std::string_view text) {
  auto start = text.size();
  while (start > 0 && is_word(text[start - 1])) {
    --start;
  }
  return text.substr(start);
}

// A word before a name makes it a declaration ("int splice("), unless it is one of these.
bool starts_an_expression(std::string_view word) {
  constexpr std::array<std::string_view, 7> words{"return", "co_return", "co_await", "co_yield", "else", "do", "throw"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// True for `name(` and `::name(`; false for `x.name(`, `x->name(`, `scope::name(` and for a declaration.
bool is_plain(std::string_view before) {
  before = trimmed(before);
  if (before.ends_with("::")) {
    before.remove_suffix(2);
    const auto scope = last_word(before);
    return (scope.empty() || starts_an_expression(scope)) && !before.ends_with('>');
  }
  if (before.ends_with('.') || before.ends_with("->") || before.ends_with('~')) {
    return false;
  }
  const auto word = last_word(before);
  return (word.empty() && !before.ends_with('*') && !before.ends_with('&') && !before.ends_with('>')) ||
         starts_an_expression(word);
}

void collect_calls(std::string_view line, std::size_t number, std::vector<plain_call>& calls) {
  for (auto open = line.find('('); open != line.npos; open = line.find('(', open + 1)) {
    const auto head = trimmed(line.substr(0, open));
    const auto name = last_word(head);
    if (!name.empty() && is_plain(head.substr(0, head.size() - name.size()))) {
      calls.push_back({number, std::string{name}});
    }
  }
}

std::optional<include_line> parse_include(std::string_view line, std::size_t number) {
  if (!line.starts_with('#')) {
    return std::nullopt;
  }
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) {
    return std::nullopt;
  }
  const auto target = trimmed(line.substr(std::string_view{"include"}.size()));
  if (target.size() < 2) {
    return std::nullopt;
  }
  return include_line{number, std::string{target.substr(1, target.size() - 2)}, target.front() == '"'};
}

// The end of the literal that opens at `at`; a literal never spans lines here, so a stray quote costs one line at most.
std::size_t end_of_literal(std::string_view text, std::size_t at) {
  const char quote = text[at];
  auto end = at + 1;
  while (end < text.size() && text[end] != quote && text[end] != '\n') {
    end += text[end] == '\\' ? 2 : 1;
  }
  return std::min(end, text.size());
}

std::size_t end_of_raw_string(std::string_view text, std::size_t quote) {
  const auto open = text.find('(', quote);
  const auto closing = ")" + std::string{text.substr(quote + 1, open == text.npos ? 0 : open - quote - 1)} + "\"";
  const auto end = text.find(closing, quote);
  return end == text.npos ? text.size() : end + closing.size() - 1;
}

}  // namespace

std::string without_comments(std::string_view text) {
  std::string clean{text};
  const auto blank = [&clean](std::size_t from, std::size_t to) {
    std::replace_if(
        clean.begin() + static_cast<std::ptrdiff_t>(from), clean.begin() + static_cast<std::ptrdiff_t>(to),
        [](char c) { return c != '\n'; }, ' ');
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto rest = text.substr(i);
    auto end = i;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      end = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      blank(i, end);
    } else if (rest.starts_with("R\"") && (i == 0 || !is_word(text[i - 1]))) {
      end = end_of_raw_string(text, i + 1);
      blank(i + 2, end);
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
      end = end_of_literal(text, i);
      const auto line = trimmed(text.substr(text.rfind('\n', i) + 1, i - text.rfind('\n', i) - 1));
      if (!line.starts_with('#')) {
        blank(i + 1, end);
      }
    }
    i = std::max(i, end);
  }
  return clean;
}

source_file read_source(const std::filesystem::path& root, const std::filesystem::path& path) {
  std::ifstream in{root / path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in) {
    throw std::filesystem::filesystem_error{"cannot read", root / path, std::make_error_code(std::errc::io_error)};
  }
  source_file file;
  file.path = path;
  std::istringstream stream{without_comments(text)};
  for (std::string line; std::getline(stream, line);) {
    ++file.lines;
    const auto code = trimmed(line);
    file.has_pragma_once |= code == "#pragma once";
    if (auto include = parse_include(code, file.lines)) {
      file.includes.push_back(std::move(*include));
    }
    collect_calls(line, file.lines, file.calls);
  }
  return file;
}

}  // namespace sluice::layout
