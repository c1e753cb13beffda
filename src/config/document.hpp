#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::conf {

/// Where something stands in a text. Lines and columns count from 1, columns and width in characters.
struct place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t width = 1;
};

struct member;

/// One value of a TOML document and where it was written.
struct node {
  enum class kind : std::uint8_t { boolean, integer, floating, text, date, null, array, table };

  kind type = kind::table;
  place where;                  ///< of the value; of the last key part for tables that have a header
  bool flag = false;            ///< boolean
  std::int64_t number = 0;      ///< integer
  std::string text;             ///< text
  bool verbatim = false;        ///< text: it stands in the file as it is, one column behind where
  std::vector<node> items;      ///< array
  std::vector<member> members;  ///< table, in the order of the file

  const member* find(std::string_view key) const noexcept;
};

struct member {
  std::string key;
  place where;  ///< of the key
  node value;
};

inline const member* node::find(std::string_view key) const noexcept {
  for (const member& candidate : members) {
    if (candidate.key == key) return &candidate;
  }
  return nullptr;
}

/// A text that was read, kept for quoting its lines. Mappings outside of files have a line each.
struct source_text {
  std::string name;  ///< as messages call it: a path, "SLUICE_CONFIG", "command line"
  std::vector<std::string> lines;

  std::string_view line(std::uint32_t number) const noexcept {
    return number >= 1 && number <= lines.size() ? std::string_view(lines[number - 1]) : std::string_view();
  }
};

/// Why a text is not TOML.
struct syntax_trouble {
  place where;
  std::string text;
  std::string hint;
  std::optional<std::pair<place, std::string>> related;
};

}  // namespace sluice::conf
