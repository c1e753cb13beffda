#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::bench {

/// A counter one thread writes and others may read.
class counter {
 public:
  void add(std::uint64_t more) { value_.store(read() + more, std::memory_order_relaxed); }
  std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What one thread has done so far. Its own cache line, so that counting costs the other thread nothing.
struct alignas(64) tally {
  counter opened;       ///< connections made or accepted
  counter bytes;        ///< arrived at their final reader
  counter round_trips;  ///< as the asking end saw them
  counter sessions;     ///< short sessions that ended as they should
  counter errors;       ///< streams that broke or brought the wrong bytes
};

enum class phase { warming, counting, stopping };

}  // namespace sluice::bench
