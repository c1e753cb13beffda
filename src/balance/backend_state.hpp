#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::balance {

/// What all workers share about one backend. Thread: any.
///
/// A backend that failed to connect rests for a short, growing time (100 ms, doubled at each further failure, at most
/// 10 s); the first success ends it. Resting is a preference, not a ban: when every backend rests, all are tried.
class backend_state {
 public:
  bool resting(std::int64_t now_ns) const noexcept;
  /// Counts a failure. A backend that already rests is not pushed further: a hundred connects that were under way when
  /// it died, and fail together, are one reason to rest. now_ns is more than 0.
  void connect_failed(std::int64_t now_ns) noexcept;
  void connect_succeeded() noexcept;

  std::uint32_t active() const noexcept { return active_.load(std::memory_order_relaxed); }
  void session_begins() noexcept { active_.fetch_add(1, std::memory_order_relaxed); }
  void session_ends() noexcept { active_.fetch_sub(1, std::memory_order_relaxed); }

  std::uint64_t connect_failures() const noexcept { return connect_failures_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> active_{0};
  // When the rest ends, its low four bits replaced by how often it was lengthened; 0 if the last connect succeeded. One
  // word, so that a failure and a success that meet leave one of the two states, never a mixture.
  std::atomic<std::int64_t> rest_{0};
  std::atomic<std::uint64_t> connect_failures_{0};
};

}  // namespace sluice::balance
