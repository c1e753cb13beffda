#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "sluice/health_config.hpp"

namespace sluice::balance {

/// What a backend has done since start, as its workers counted.
struct session_totals {
  std::uint64_t sessions = 0;  ///< connects tried
  std::uint64_t failures = 0;  ///< those that failed, and sessions that ended empty
};

/// How long one backend is left alone, each time longer than the last, and whether the share of its failures is a
/// reason to. Thread: the caller's.
class ejection {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  /// so_far: what it did before it was watched counts in no interval.
  explicit ejection(const session_totals& so_far = {}) noexcept : before_(so_far) {}

  /// Ejects it: when it may come back.
  std::int64_t begin(const passive_config& rules, std::int64_t now_ns) noexcept;
  void end() noexcept { until_ns_ = never; }
  bool is_out() const noexcept { return until_ns_ != never; }
  std::int64_t until_ns() const noexcept { return until_ns_; }

  /// Once an interval. True if the failures of the interval are too large a share of its sessions. An interval that it
  /// spent in turn, and that gave no reason, halves the next ejection.
  bool interval_over(const passive_config& rules, const session_totals& now) noexcept;

 private:
  session_totals before_;
  std::int64_t until_ns_ = never;
  std::uint32_t times_ = 0;  ///< how often the next one is doubled
  bool was_out_ = false;     ///< at some time in this interval
};

/// How many of so many backends may be out at a time.
std::size_t most_ejected(const passive_config& rules, std::size_t backends) noexcept;

}  // namespace sluice::balance
