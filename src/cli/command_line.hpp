#pragma once

#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.hpp"

namespace sluice::cli {

/// The command line was wrong: what() says how, hint() what to type instead (may be empty). Ends in exit_code::usage.
class usage_error : public std::runtime_error {
 public:
  explicit usage_error(const std::string& text, std::string hint = {})
      : std::runtime_error(text), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

/// A command line, understood.
struct invocation {
  const verb_spec* verb = nullptr;
  bool verb_named = false;                                    ///< false: nobody wrote a verb, so it is the default one
  std::map<std::string, std::string, std::less<>> options{};  ///< long name to value; switches have an empty value
  std::vector<std::string> words{};

  bool has(std::string_view option) const { return options.contains(option); }
  /// The option's value, or `otherwise` if it was not given.
  std::string value_of(std::string_view option, std::string_view otherwise = {}) const;
};

/// Reads the arguments after the program's name. Throws usage_error.
/// When an option is given twice the last one counts.
invocation parse_command_line(std::span<const std::string> arguments);

}  // namespace sluice::cli
