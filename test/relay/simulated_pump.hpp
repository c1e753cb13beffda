#pragma once

#include <fcntl.h>
#include <sys/epoll.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "relay/pump.hpp"
#include "relay/simulated_io.hpp"

namespace sluice::relay::testing {

/// A pump on simulated sockets, and what a relay does with their edges.
struct simulated_pump {
  simulated_pump(std::uint64_t seed, const simulated_io::nature& like, const pipe_budget& budget)
      : io(seed, like), pool(budget, counts) {
    source.fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    sink.fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    source.tcp = like.tcp;
    sink.tcp = like.tcp;
    io.sink_is(sink.fd.get());
  }
  ~simulated_pump() { moves.abandon(context); }
  simulated_pump(const simulated_pump&) = delete;
  simulated_pump& operator=(const simulated_pump&) = delete;

  static void note(stream& socket, std::uint32_t edges) noexcept {
    if ((edges & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.readable = true;
    if ((edges & EPOLLOUT) != 0) socket.writable = true;
    if ((edges & EPOLLPRI) != 0) socket.urgent = socket.readable = true;
    if ((edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.hung = true;
    if ((edges & EPOLLERR) != 0) socket.broken = true;
  }
  void harvest() noexcept {
    note(source, io.harvest_source());
    note(sink, io.harvest_sink());
  }
  step_result step() { return last = moves.step(context, allowed); }
  bool is_over() const noexcept { return last == step_result::finished || last == step_result::failed; }

  /// What a relay does some time after a short fill was trusted.
  void look_behind() noexcept {
    if (!moves.trusts_last_fill()) return;
    const bool left = !source.readable && io.source_has_more();
    moves.trust_was(!left);
    if (!left) return;
    source.readable = true;
    step();
  }

  /// Whether the pump waits for something that is there, and that neither an edge nor a look will find.
  bool is_stalled() const noexcept {
    if (io.edge_is_due() || moves.trusts_last_fill()) return false;
    return (last == step_result::wants_source && io.source_has_more()) ||
           (last == step_result::wants_sink && io.sink_takes_more());
  }

  simulated_io io;
  counters counts;
  pipe_pool pool;
  std::vector<std::byte> scratch = std::vector<std::byte>(16 * 1024);
  pump_context context{io, pool, counts, scratch};
  limits allowed;
  stream source;
  stream sink;
  pump moves{source, sink};
  step_result last = step_result::wants_source;
};

}  // namespace sluice::relay::testing
