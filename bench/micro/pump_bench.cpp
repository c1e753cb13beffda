#include <sys/socket.h>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include <benchmark/benchmark.h>

#include "relay/pump.hpp"

namespace {

namespace relay = sluice::relay;
namespace sys = sluice::sys;

struct connection {
  connection() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("socketpair");
    ours.reset(ends[0]);
    peers.reset(ends[1]);
  }
  sys::unique_fd ours;
  sys::unique_fd peers;
};

/// One message there: sent by a peer, relayed by one step, received by the other peer. `relayed` is false for the same
/// without a relay between them, which is what to subtract.
void relay_message(benchmark::State& state, bool relayed, bool copies) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  std::vector<std::byte> message(bytes);
  connection in;
  connection out;
  relay::counters counts;
  relay::pipe_pool pool({1'024, 8, 1024 * 1024}, counts);
  std::vector<std::byte> scratch(64 * 1024);
  sys::kernel_stream_io io;
  relay::pump_context context{io, pool, counts, scratch};
  relay::stream source;
  relay::stream sink;
  source.fd = std::move(in.ours);
  sink.fd = std::move(out.ours);
  // A message is all there is, as after an edge on TCP; or the second, empty fill would be measured, too.
  source.tcp = true;
  relay::pump moves(source, sink);
  if (copies) moves.copy_from_now(context, sluice::fallback_reason::configured);
  const int from = relayed ? out.peers.get() : source.fd.get();
  for (auto _ : state) {
    std::size_t sent = 0;
    std::size_t got = 0;
    while (got < bytes) {
      if (sent < bytes) {
        const ssize_t n = ::send(in.peers.get(), message.data() + sent, bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
      }
      if (relayed) {
        source.readable = true;
        sink.writable = true;
        if (moves.step(context, {}) == relay::step_result::failed) {
          state.SkipWithError("the pump failed");
          return;
        }
      }
      const ssize_t n = ::recv(from, message.data(), message.size(), MSG_DONTWAIT);
      if (n > 0) got += static_cast<std::size_t>(n);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void direct(benchmark::State& state) { relay_message(state, false, false); }
void pump_splices(benchmark::State& state) { relay_message(state, true, false); }
void pump_copies(benchmark::State& state) { relay_message(state, true, true); }

BENCHMARK(direct)->Arg(64)->Arg(64 * 1024);
BENCHMARK(pump_splices)->Arg(64)->Arg(64 * 1024);
BENCHMARK(pump_copies)->Arg(64)->Arg(64 * 1024);

}  // namespace
