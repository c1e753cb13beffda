#include "balance/backend_state.hpp"

#include <algorithm>

namespace sluice::balance {
namespace {

constexpr std::int64_t first_rest_ns = 100'000'000;
constexpr std::int64_t longest_rest_ns = 10'000'000'000;
constexpr std::int64_t step_mask = 15;
constexpr std::int64_t gone_step = 3;  // rested for 100, 200, 400 and some of 800 ms
constexpr std::int64_t last_step = 7;  // 100 ms << 7 is above the longest rest

constexpr std::int64_t ends_at(std::int64_t rest) noexcept { return rest & ~step_mask; }

}  // namespace

std::int64_t backend_state::rests_until() const noexcept { return ends_at(rest_.load(std::memory_order_relaxed)); }

bool backend_state::connect_failed(std::int64_t now_ns) noexcept {
  connect_failures_.fetch_add(1, std::memory_order_relaxed);
  std::int64_t before = rest_.load(std::memory_order_relaxed);
  if (now_ns < ends_at(before)) return false;
  const std::int64_t step = before == 0 ? 0 : std::min((before & step_mask) + 1, last_step);
  const std::int64_t until = now_ns + std::min(first_rest_ns << step, longest_rest_ns);
  // Lost to another failure or to a success of this moment: theirs stands.
  return rest_.compare_exchange_strong(before, ends_at(until) | step, std::memory_order_relaxed);
}

bool backend_state::connect_succeeded(std::int64_t now_ns) noexcept {
  // Read first: successes are the rule, and a store would take the cache line from every other worker.
  if (rest_.load(std::memory_order_relaxed) == 0) return false;
  const std::int64_t before = rest_.exchange(0, std::memory_order_relaxed);
  if ((before & step_mask) >= gone_step) recovered_at_.store(now_ns, std::memory_order_relaxed);
  return before != 0;
}

bool backend_state::session_begins(std::uint32_t most) noexcept {
  if (most == 0) {
    active_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  std::uint32_t now = active_.load(std::memory_order_seq_cst);
  while (now < most) {
    if (active_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace sluice::balance
