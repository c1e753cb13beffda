#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "sluice/config.hpp"

#include "log/record.hpp"

namespace sluice::log {

/// Number of the set of JSON fields, in every session record as "schema". It grows when a field changes its meaning or
/// goes; a new field leaves it.
inline constexpr int session_schema = 1;

/// Turns records and messages into lines without a newline at the end.
///
/// Once `out` has grown to the length of a line nothing allocates. Thread: one at a time (it caches the second).
class formatter {
 public:
  enum class style : std::uint8_t { text, json };

  explicit formatter(style how) noexcept : how_(how) {}

  /// Both replace what is in out.
  void session(const session_record& record, std::string& out);
  void message(log_level level, std::int64_t wall_us, std::string_view text, std::string& out);

 private:
  void append_time(std::string& out, std::int64_t wall_us);

  style how_;
  std::int64_t cached_second_ = std::numeric_limits<std::int64_t>::min();
  std::array<char, 20> cached_text_{};  ///< "2026-01-31T23:59:59."
};

/// "10.0.0.1:80", "[::1]:80", "unix"; IPv4-mapped addresses as IPv4. Empty for none.
void append_endpoint(std::string& out, const endpoint& value);

/// For a person: "321us", "12.3ms", "1.23s", "2m05s", "3h02m05s".
void append_duration(std::string& out, std::int64_t nanoseconds);

}  // namespace sluice::log
