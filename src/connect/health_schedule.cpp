#include "connect/health_schedule.hpp"

#include <algorithm>

namespace sluice::connect {
namespace {

constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min() / 2;

}  // namespace

check_schedule::check_schedule(std::size_t budget, const pace& most)
    : budget_(budget), most_(most), last_starts_(most.starts, long_ago) {}

void check_schedule::file(id check, std::int64_t due_ns) {
  if (const auto running = running_.find(check); running != running_.end()) {
    running->second = true;
    return;
  }
  if (const auto known = filed_.find(check); known != filed_.end()) queue_.erase({known->second, check});
  filed_[check] = due_ns;
  queue_.emplace(due_ns, check);
}

void check_schedule::remove(id check) {
  if (const auto known = filed_.find(check); known != filed_.end()) {
    queue_.erase({known->second, check});
    filed_.erase(known);
  }
  if (const auto running = running_.find(check); running != running_.end()) running->second = false;
}

std::optional<check_schedule::id> check_schedule::start(std::int64_t now_ns) {
  if (next_ns() > now_ns) return std::nullopt;
  const id check = queue_.begin()->second;
  running_.emplace(check, true);
  filed_.erase(check);
  queue_.erase(queue_.begin());
  last_starts_[oldest_] = now_ns;
  oldest_ = (oldest_ + 1) % last_starts_.size();
  return check;
}

void check_schedule::finish(id check, std::int64_t due_ns) {
  const auto running = running_.find(check);
  if (running == running_.end()) return;
  const bool goes_on = running->second;
  running_.erase(running);
  if (goes_on) file(check, due_ns);
}

std::int64_t check_schedule::next_ns() const {
  if (queue_.empty() || running_.size() >= budget_) return never;
  return std::max(queue_.begin()->first, last_starts_[oldest_] + most_.within_ns);
}

std::int64_t jittered(std::int64_t interval_ns, std::uint32_t percent, std::uint64_t random) noexcept {
  const std::int64_t most = interval_ns / 100 * percent;
  if (most <= 0) return interval_ns;
  return interval_ns - most + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(2 * most + 1));
}

}  // namespace sluice::connect
