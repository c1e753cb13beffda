#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sluice/config.hpp"
#include "sluice/config_keys.hpp"

#include "config/document.hpp"
#include "config/quantity.hpp"

namespace sluice::conf {

/// The member of a configuration that a key sets. Its type says how values are read and printed.
using slot = std::variant<bool*, std::uint32_t*, std::optional<std::uint32_t>*, std::size_t*,
                          std::chrono::milliseconds*, std::chrono::seconds*, std::string*, std::vector<std::string>*,
                          relay_mode*, balance_policy*, full_action*, down_action*, leave_action*, resolve_mode*,
                          empty_answer*, health_check*, log_level*, log_format*>;

/// What a number, a duration (in milliseconds) or the length of a text may be.
struct bounds {
  std::uint64_t least = 0;
  std::uint64_t most = UINT32_MAX;
  /// What is wrong with a number within these bounds; nullptr: nothing is.
  std::optional<complaint> (*refuses)(std::uint32_t number) = nullptr;
  std::optional<complaint> (*trouble_of)(const std::string& text) = nullptr;  ///< what else a text has to be
};

/// Reads a value of a file. The slot is left alone if something is wrong with it.
std::optional<complaint> assign(const slot& target, const node& value, const bounds& limits);

/// Reads a value of the environment or of the command line: the same without quotes, lists by comma.
std::optional<complaint> assign(const slot& target, const std::string& value, const bounds& limits);

/// The value as TOML.
std::string print(const slot& source);

key_type type_of(const slot& any) noexcept;
/// The words a choice allows; empty for other types.
std::vector<std::string> words_of(const slot& any);

/// A TOML text, with `${` kept from meaning a variable.
std::string toml_text(const std::string& text);

}  // namespace sluice::conf
