#include "balance/ejection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::balance {
namespace {

constexpr std::uint32_t most_doublings = 32;

std::int64_t nanoseconds(std::chrono::milliseconds limit) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(limit).count();
}

}  // namespace

std::int64_t ejection::begin(const passive_config& rules, std::int64_t now_ns) noexcept {
  const std::int64_t longest = nanoseconds(std::max(rules.ejection, rules.longest_ejection));
  std::int64_t term = nanoseconds(rules.ejection);
  for (std::uint32_t i = 0; i < times_ && term < longest; ++i) term = std::min(term * 2, longest);
  times_ = std::min(times_ + 1, most_doublings);
  was_out_ = true;
  until_ns_ = now_ns + term;
  return until_ns_;
}

bool ejection::interval_over(const passive_config& rules, const session_totals& now) noexcept {
  const std::uint64_t sessions = now.sessions - before_.sessions;
  const std::uint64_t failures = std::min(now.failures - before_.failures, sessions);
  before_ = now;
  const bool too_many = rules.failed_share != 0 && sessions >= rules.min_sessions &&
                        failures * 100 >= std::uint64_t{rules.failed_share} * sessions;
  const bool well = !std::exchange(was_out_, is_out()) && !is_out() && !too_many;
  if (well && times_ > 0) --times_;
  return too_many && !is_out();
}

std::size_t most_ejected(const passive_config& rules, std::size_t backends) noexcept {
  return backends * rules.max_ejected / 100;
}

}  // namespace sluice::balance
