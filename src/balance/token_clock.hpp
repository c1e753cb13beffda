#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::balance {

/// A rate that several threads keep together: one token after the other, evenly, from `begin` on. Never more than
/// elapsed time × rate + 1 of them; who comes late catches up on a tenth of a second at most. Thread: any.
class token_clock {
 public:
  /// a_second: 0 means no limit. begin_ns: monotonic.
  token_clock(std::uint32_t a_second, std::int64_t begin_ns) noexcept
      : interval_(a_second == 0 ? 0 : (second + a_second - 1) / a_second), next_(begin_ns) {}

  /// Takes one if it is there by now.
  bool take(std::int64_t now_ns) noexcept;
  /// When the next one will be there; may be past.
  std::int64_t next() const noexcept { return next_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t second = 1'000'000'000;

  const std::int64_t interval_;  ///< rounded up, so that the rate is never exceeded
  std::atomic<std::int64_t> next_;
};

}  // namespace sluice::balance
