#include "balance/token_clock.hpp"

#include <algorithm>

namespace sluice::balance {
namespace {

constexpr std::int64_t most_late = 100'000'000;

}  // namespace

bool token_clock::take(std::int64_t now_ns) noexcept {
  std::int64_t due = next();
  while (now_ns >= due) {
    const std::int64_t after = std::max(due, now_ns - most_late) + interval_;
    if (next_.compare_exchange_weak(due, after, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace sluice::balance
