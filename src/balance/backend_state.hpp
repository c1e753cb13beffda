#pragma once

#include <atomic>
#include <cstdint>

#include "balance/latency_estimate.hpp"
#include "balance/session_signs.hpp"

namespace sluice::balance {

/// What all workers share about one backend. Thread: any.
///
/// A backend that failed to connect rests for a short, growing time (100 ms, doubled at each further failure, at most
/// 10 s); the first success ends it. Resting is a preference, not a ban: when every backend rests, all are tried.
class backend_state {
 public:
  /// Neither found down by checks, nor ejected, nor resting.
  bool is_well(std::int64_t now_ns) const noexcept { return is_up() && !signs.is_ejected() && !resting(now_ns); }

  /// What active checks say; up where there are none.
  bool is_up() const noexcept { return up_.load(std::memory_order_relaxed); }
  void set_up(bool up) noexcept { up_.store(up, std::memory_order_relaxed); }
  /// It was found up again, or came back from an ejection.
  void set_recovered(std::int64_t now_ns) noexcept { recovered_at_.store(now_ns, std::memory_order_relaxed); }
  session_signs signs;  ///< fed only where passive rules are on

  bool resting(std::int64_t now_ns) const noexcept { return now_ns < rests_until(); }
  /// Or there was none yet.
  bool last_connect_succeeded() const noexcept { return rest_.load(std::memory_order_relaxed) == 0; }
  /// When its rest ends or ended; 0 if its last connect succeeded.
  std::int64_t rests_until() const noexcept;
  /// Counts a failure. A backend that already rests is not pushed further: a hundred connects that were under way when
  /// it died, and fail together, are one reason to rest. now_ns is more than 0. True if a rest began.
  bool connect_failed(std::int64_t now_ns) noexcept;
  /// True if it had failed before: it is back.
  bool connect_succeeded(std::int64_t now_ns) noexcept;
  /// When it came back after it had been gone for a while (its rest had been lengthened three times, it was found down
  /// by checks, or ejected); 0: never.
  std::int64_t recovered_at() const noexcept { return recovered_at_.load(std::memory_order_relaxed); }

  std::uint32_t active() const noexcept { return active_.load(std::memory_order_relaxed); }
  /// Counts one more session, unless there are `most` already, whatever other workers do at this moment; 0: there may
  /// be any number.
  bool session_begins(std::uint32_t most) noexcept;
  /// Ordered before a look at who waits for its place (server/wait_queue.hpp).
  void session_ends() noexcept { active_.fetch_sub(1, std::memory_order_seq_cst); }

  /// Of the policies that go by it: nobody else feeds it.
  latency_estimate latency;

  std::uint64_t connect_failures() const noexcept { return connect_failures_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> active_{0};
  // When the rest ends, its low four bits replaced by how often it was lengthened; 0 if the last connect succeeded. One
  // word, so that a failure and a success that meet leave one of the two states, never a mixture.
  std::atomic<std::int64_t> rest_{0};
  std::atomic<std::int64_t> recovered_at_{0};
  std::atomic<std::uint64_t> connect_failures_{0};
  std::atomic<bool> up_{true};
};

}  // namespace sluice::balance
