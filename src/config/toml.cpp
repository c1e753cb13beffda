#include "config/toml.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include <toml.hpp>

#include "config/toml_scan.hpp"
#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

/// Puts toml11's values into the scanned tree, which has the same keys.
void fill(node& target, const toml::value& value) {
  if (value.is_table()) {
    const auto& table = value.as_table();
    target.type = node::kind::table;
    for (member& child : target.members) fill(child.value, table.at(child.key));
  } else if (value.is_array()) {
    const auto& list = value.as_array();
    target.type = node::kind::array;
    target.items.resize(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) fill(target.items[i], list[i]);
  } else if (value.is_string()) {
    target.type = node::kind::text;
    target.text = toml::get<std::string>(value);
  } else if (value.is_boolean()) {
    target.type = node::kind::boolean;
    target.flag = value.as_boolean();
  } else if (value.is_integer()) {
    target.type = node::kind::integer;
    target.number = value.as_integer();
  } else {
    target.type = value.is_floating() ? node::kind::floating : node::kind::date;
  }
}

std::uint32_t to_number(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// toml11 3 says the place only in its prose: " 12 | the line" and under it "    |    ^---". The last pair counts.
[[maybe_unused]] place place_in_prose(const std::string& prose) {
  place result;
  std::istringstream lines(prose);
  std::uint32_t line_number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t bar = line.find(" | ");
    if (bar == std::string::npos) continue;
    const std::size_t digits = line.find_first_not_of(' ');
    if (digits < bar) {
      line_number = to_number(std::string_view(line).substr(digits));
    } else if (const std::size_t caret = line.find_first_of("^~", bar); caret != std::string::npos) {
      result = {line_number, static_cast<std::uint32_t>(caret - bar - 3 + 1), 1};
    }
  }
  return result;
}

/// toml11 4 has places as values.
template <typename SyntaxError>
place place_of(const SyntaxError& error) {
  if constexpr (requires { error.errors(); }) {
    for (const auto& info : error.errors()) {
      for (const auto& [where, note] : info.locations()) {
        return {static_cast<std::uint32_t>(where.first_line_number()),
                static_cast<std::uint32_t>(where.first_column_number()), 1};
      }
    }
    return {};
  } else {
    return place_in_prose(error.what());
  }
}

/// toml11 counts bytes, we count characters.
place in_characters(place where, std::string_view text) {
  for (std::uint32_t line = 1; line < where.line && !text.empty(); ++line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  if (where.line == 0 || where.column == 0) return {1, 1, 1};
  return {where.line, count_characters(text.substr(0, where.column - 1)) + 1, 1};
}

/// The title of toml11's message without the names of its functions.
std::string title_of(std::string prose) {
  prose.resize(std::min(prose.find('\n'), prose.size()));
  if (prose.starts_with("[error] ")) prose.erase(0, 8);
  if (prose.starts_with("toml::")) {
    const std::size_t colon = prose.find(": ");
    prose.erase(0, colon == std::string::npos ? 0 : colon + 2);
  }
  return prose.empty() ? "this is not TOML" : prose;
}

}  // namespace

toml_result parse_toml(const std::string& text) {
  scan_result scanned = scan_toml(text);
  toml_result result{std::move(scanned.root), std::move(scanned.trouble)};
  if (result.trouble) return result;
  try {
    std::istringstream stream(text);
    fill(result.root, toml::parse(stream, "configuration"));
  } catch (const toml::syntax_error& error) {
    result.trouble = syntax_trouble{in_characters(place_of(error), text), title_of(error.what()), "", std::nullopt};
  } catch (const std::exception& error) {
    // toml11 3 lets std::out_of_range and the like through for some malformed numbers.
    result.trouble = syntax_trouble{{1, 1, 1}, title_of(error.what()), "", std::nullopt};
  }
  return result;
}

}  // namespace sluice::conf
