#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::conf {

/// What is wrong with a text and what to write instead.
struct complaint {
  std::string code;
  std::string text;
  std::string hint;
};

struct duration_result {
  std::chrono::milliseconds value{0};
  std::optional<complaint> trouble;
};

/// "250ms", "5s", "1h30m": whole numbers with ms, s, m, h or d, the larger unit first. At most 365 days.
duration_result parse_duration(std::string_view text);

struct size_result {
  std::uint64_t bytes = 0;
  std::optional<complaint> trouble;
};

/// "512B", "64KiB", "1MiB", "1GiB". At most 1 TiB.
size_result parse_size(std::string_view text);

/// The shortest text that parses to the same value.
std::string print_duration(std::chrono::milliseconds value);
std::string print_size(std::uint64_t bytes);

}  // namespace sluice::conf
