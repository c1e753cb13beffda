#pragma once

#include <fcntl.h>

#include <vector>

#include "relay/pump.hpp"
#include "relay/scripted_io.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"

namespace sluice::relay::testing {

/// A pump between two sockets that only the script knows. The source has been reported readable.
struct scripted_pump {
  explicit scripted_pump(const pipe_budget& budget = {256, 4, 0}) : pool(budget, counts) {
    source.fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    sink.fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    io.sockets(source.fd.get(), sink.fd.get());
    source.tcp = true;
    source.readable = true;
    sink.tcp = true;
  }
  ~scripted_pump() {
    moves.abandon(context);
    CHECK(counts.pipes_in_use.value() == 0);
  }
  scripted_pump(const scripted_pump&) = delete;
  scripted_pump& operator=(const scripted_pump&) = delete;

  /// One step; CHECKs invariant I1: a pipe is held if and only if it has bytes in it.
  step_result step() {
    const step_result result = moves.step(context, allowed);
    CHECK(moves.holds_pipe() == (moves.bytes_in_pipe() > 0));
    return result;
  }
  /// Steps with a part of the script that must be followed to its end.
  step_result step(std::initializer_list<expected_call> steps, unsigned where = __builtin_LINE()) {
    io.expect(steps);
    const step_result result = step();
    io.check_done(where);
    return result;
  }
  std::uint64_t fallbacks(fallback_reason reason) const {
    return counts.fallbacks[static_cast<std::size_t>(reason)].value();
  }

  support::fd_baseline descriptors;
  counters counts;
  pipe_pool pool;
  std::vector<std::byte> scratch = std::vector<std::byte>(64 * 1024);
  scripted_io io;
  pump_context context{io, pool, counts, scratch};
  limits allowed;
  stream source;
  stream sink;
  pump moves{source, sink};
};

inline constexpr std::size_t full = 64 * 1024;

}  // namespace sluice::relay::testing
