#pragma once

#include <cstddef>
#include <vector>

#include "sluice/pipe_pool.hpp"

#include "relay/counters.hpp"
#include "relay/pipe_pool.hpp"
#include "sys/stream_io.hpp"

namespace sluice::zero_copy {

/// What a thread's relays share: the pool of src/relay, and what its pumps need beside it.
struct pipe_pool::parts {
  explicit parts(const pool_limits& limits)
      : pipes({limits.pages, limits.pipes, limits.large_bytes}, counts), scratch(scratch_bytes) {}

  static constexpr std::size_t scratch_bytes = 64 * 1024;

  sluice::relay::counters counts;
  sluice::relay::pipe_pool pipes;
  std::vector<std::byte> scratch;
  sys::kernel_stream_io io;
};

}  // namespace sluice::zero_copy
