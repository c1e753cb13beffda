#include "balance/retry_budget.hpp"

#include <algorithm>

namespace sluice::balance {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t shortest_step = second / 100;  // shorter ones would be worth fractions that are lost

}  // namespace

bool retry_budget::take(std::int64_t now_ns, std::uint64_t sessions) noexcept {
  earn(now_ns, sessions);
  std::int64_t left = left_.load(std::memory_order_relaxed);
  while (left >= one) {
    if (left_.compare_exchange_weak(left, left - one, std::memory_order_relaxed)) return true;
  }
  return false;
}

void retry_budget::earn(std::int64_t now_ns, std::uint64_t sessions) noexcept {
  std::int64_t earned =
      static_cast<std::int64_t>(std::min<std::uint64_t>(sessions, 1'000'000'000)) * percent_ * one / 100;
  std::int64_t before = paid_until_.load(std::memory_order_relaxed);
  // Whoever moves the time on adds what it is worth; another one's time, a moment ahead, is worth nothing.
  if (now_ns - before >= shortest_step &&
      paid_until_.compare_exchange_strong(before, now_ns, std::memory_order_relaxed))
    earned += std::min(now_ns - before, 10 * second) / 1'000 * floor_a_second / 1'000'000;
  if (earned == 0) return;
  std::int64_t left = left_.load(std::memory_order_relaxed);
  while (!left_.compare_exchange_weak(left, std::min(left + earned, std::max(left, most)), std::memory_order_relaxed)) {
  }
}

}  // namespace sluice::balance
