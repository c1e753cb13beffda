#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "sluice/stats.hpp"

namespace sluice::relay {

/// A count with one writing thread and any number of readers: a plain add for the writer.
class counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.store(value() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) noexcept { value_.store(value() - n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What one worker's relays and pool have done. Written by the worker, read by any thread.
struct counters {
  counter bytes_spliced;
  counter bytes_copied;
  counter fills;
  counter drains;
  std::array<counter, fallback_reason_count> fallbacks;
  counter lost_edges;
  counter pipes_in_use;
  counter pipes_cached;
  counter pipe_pages;
  counter pipes_refused;
  counter pipes_short;
  counter pipes_killed;

  void count_fallback(fallback_reason reason) noexcept { fallbacks[static_cast<std::size_t>(reason)].add(); }
  /// Adds these to a snapshot that sums all workers.
  void add_to(relay_stats& sum) const noexcept;
};

}  // namespace sluice::relay
