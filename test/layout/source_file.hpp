#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::layout {

/// One #include line.
struct include_line {
  std::size_t line;    ///< from 1
  std::string target;  ///< what stands between the brackets or quotes
  bool quoted;
};

/// One call of a function by a plain or global name, not of a member nor of something in a namespace.
struct plain_call {
  std::size_t line;
  std::string name;
};

/// A source file as the rules see it: comments and the insides of strings are gone.
struct source_file {
  std::filesystem::path path;  ///< relative to the root of the tree
  std::size_t lines = 0;
  std::vector<include_line> includes;
  std::vector<plain_call> calls;
  bool has_pragma_once = false;
};

/// Reads `root / path`. Throws std::filesystem::filesystem_error.
source_file read_source(const std::filesystem::path& root, const std::filesystem::path& path);

/// `text` with comments and the insides of literals turned to blanks; newlines and #include targets stay.
std::string without_comments(std::string_view text);

}  // namespace sluice::layout
