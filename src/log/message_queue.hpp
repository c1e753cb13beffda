#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sluice/config.hpp"

namespace sluice::log {

/// A message of the program itself, as it waits to be written.
struct message {
  log_level level = log_level::info;
  std::int64_t wall_us = 0;  ///< microseconds since 1970
  std::string text;
};

/// Messages from any thread to the log thread, at most `capacity` waiting. They are rare, so a mutex will do; it is
/// held for a move of a string or a swap of two vectors, never while anything is formatted or written.
class message_queue {
 public:
  static constexpr std::size_t capacity = 1024;

  message_queue() { waiting_.reserve(capacity); }

  /// False (and counted) if full. Allocates nothing. Thread: any.
  bool push(message&& value) noexcept {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() == capacity) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    waiting_.push_back(std::move(value));
    return true;
  }

  /// Takes all that waits, in order; `into` must be empty and keeps its capacity for the next time.
  void take(std::vector<message>& into) {
    into.reserve(capacity);
    const std::scoped_lock lock(mutex_);
    into.swap(waiting_);
  }

  bool empty() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.empty();
  }

  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  mutable std::mutex mutex_;
  std::vector<message> waiting_;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace sluice::log
