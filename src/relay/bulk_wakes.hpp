#pragma once

#include <cstddef>
#include <cstdint>

#include "loop/deadline_wheel.hpp"
#include "relay/stream.hpp"

namespace sluice::relay {

/// One wake for many bytes. While a direction moves bulk and the other one is silent, its source is told to wake us
/// only when about a millisecond's worth of bytes has gathered (SO_RCVLOWAT, socket(7)): fewer and fuller fills
/// (docs/benchmarks.md says what that saves). An end of file, a reset and a window that runs full wake at once all the
/// same (net/ipv4/tcp.c, tcp_epollin_ready).
///
/// A short tail must not be stranded: when `patience` does not end a wait, expire() looks, again and again until the
/// source is known to rest. So what a burst may lose at its very end is `patience` and a tick of the wheel; if bursts
/// are so short that this counts, the direction has to prove for twice as long as before that it moves bulk.
///
/// Of each relay, for one direction at a time. Thread: its worker's.
class bulk_wakes {
 public:
  static constexpr loop::time_ns patience = 2'000'000;

  /// Bytes that have come from a source so far, and from the source of the other direction.
  struct progress {
    std::uint64_t bytes = 0;
    std::uint64_t bytes_back = 0;
  };

  /// To be told whenever a bulk direction waits for its source. When to call expire(), unless that changes; never: no
  /// need.
  loop::time_ns waits(stream& source, const progress& seen, loop::time_ns now) noexcept;

  /// When expire() is due; never if nothing waits.
  loop::time_ns due() const noexcept { return due_; }

  /// Whose wait it is. Not null once due() was not never.
  const stream* source() const noexcept { return source_; }

  /// due() has passed. unread: how many bytes the source has of which no edge told; it counts as readable if any.
  void expire(std::size_t unread, loop::time_ns now) noexcept;
  /// due() has passed, but the direction waits for something else.
  void forget_wait() noexcept { due_ = loop::never; }

 private:
  void set_mark(std::uint32_t bytes) noexcept;
  void begin_proof(const progress& seen, loop::time_ns now) noexcept;

  stream* source_ = nullptr;
  progress proof_from_;
  loop::time_ns proof_began_ = 0;
  loop::time_ns due_ = loop::never;
  std::uint64_t waits_after_ = 0;   ///< bytes that had come when the wait began
  std::uint64_t burst_begins_ = 0;  ///< bytes that had come when the mark was set
  std::uint32_t mark_bytes_ = 0;    ///< in force; 0: every byte wakes
  std::uint32_t proven_bytes_ = 0;  ///< the mark that the last proof allows
  std::uint32_t vain_looks_ = 0;    ///< of this wait
  std::uint32_t proof_ms_ = 8;
};

}  // namespace sluice::relay
