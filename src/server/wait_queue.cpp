#include "server/wait_queue.hpp"

#include <algorithm>
#include <utility>

namespace sluice::server {

bool wait_queue::place::enter() noexcept {
  const std::lock_guard lock(queue_.mutex_);
  if (queue_.depth() >= queue_.most_) return false;
  queue_.places_.push_back(*this);
  in_ = true;
  called_ = false;
  queue_.depth_.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

bool wait_queue::place::is_first() const noexcept {
  const std::lock_guard lock(queue_.mutex_);
  return in_ && &queue_.places_.front() == this;
}

bool wait_queue::place::take_call() noexcept {
  const std::lock_guard lock(queue_.mutex_);
  return std::exchange(called_, false);
}

void wait_queue::place::leave() noexcept {
  if (!in_) return;
  const std::lock_guard lock(queue_.mutex_);
  const bool was_first = &queue_.places_.front() == this;
  queue_.places_.erase(queue_.places_.iterator_to(*this));
  in_ = false;
  queue_.depth_.fetch_sub(1, std::memory_order_seq_cst);
  if (called_) queue_.call_first_locked();
  if (was_first && !queue_.places_.empty() && !queue_.places_.front().called_) queue_.places_.front().who_.call();
}

void wait_queue::call_first() noexcept {
  const std::lock_guard lock(mutex_);
  call_first_locked();
}

void wait_queue::call_first_locked() noexcept {
  const auto next = std::find_if(places_.begin(), places_.end(), [](const place& one) { return !one.called_; });
  if (next == places_.end()) return;
  next->called_ = true;
  next->who_.call();
}

void wait_queue::call_all() noexcept {
  if (depth() == 0) return;
  const std::lock_guard lock(mutex_);
  for (place& one : places_) {
    if (!one.called_) one.who_.call();
    one.called_ = true;
  }
}

}  // namespace sluice::server
