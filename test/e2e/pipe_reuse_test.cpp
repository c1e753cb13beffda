#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/many_runs.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;

namespace {

/// What one connection does, told to the backend in its first bytes. Both ends send keyed streams and one of them is
/// killed while bytes are on their way.
struct keyed_run {
  std::uint64_t key;
  std::uint32_t to_backend;      ///< bytes the client sends
  std::uint32_t to_client;       ///< bytes the backend sends
  std::uint32_t read_by_killer;  ///< how far whoever kills reads before
  std::uint32_t killer;          ///< 0: the client, 1: the backend
};

keyed_run make_run(std::uint64_t n) {
  std::mt19937_64 random(n);
  keyed_run run{};
  run.key = n * 2 + 1'000;
  // A send that fits the buffers on the way never waits, so each end can do its part without a thread of its own.
  run.to_backend = static_cast<std::uint32_t>(random() % 150'000);
  run.to_client = static_cast<std::uint32_t>(random() % 150'000);
  run.killer = static_cast<std::uint32_t>(random() % 2);
  const std::uint32_t coming = run.killer == 0 ? run.to_client : run.to_backend;
  run.read_by_killer = coming == 0 ? 0 : static_cast<std::uint32_t>(random() % coming);
  return run;
}

/// Sends what fits at once. Bytes that do not fit are not missed.
void send_some(int fd, std::uint64_t seed, std::uint32_t n) {
  std::vector<std::byte> bytes = byte_stream(seed).bytes(0, n);
  [[maybe_unused]] const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// True if every byte that came was of this connection.
bool play(unique_fd fd, const keyed_run& run, bool is_client) {
  send_some(fd.get(), is_client ? run.key : run.key + 1, is_client ? run.to_backend : run.to_client);
  const std::uint64_t other = is_client ? run.key + 1 : run.key;
  const bool kills = (run.killer == 0) == is_client;
  reading how;
  if (kills) how.most = run.read_by_killer;
  how.timeout = std::chrono::milliseconds(kills ? 50 : 5'000);
  const stream_received got = receive_stream(fd.get(), other, how);
  if (kills) reset(std::move(fd));
  return got.end != stream_end::corrupted;
}

}  // namespace

// FAULTS.md L7: a pipe with bytes in it is closed, never lent to the next connection.
TEST_CASE("e2e: after thousands of kills in mid-stream no connection has got a byte of another", "[e2e][slow][L7]") {
  const fd_baseline descriptors;
  std::atomic<std::size_t> foreign{0};
  peer_server backend(
      [&](unique_fd connection) {
        keyed_run run{};
        std::size_t have = 0;
        // A client may be gone before its first bytes came through.
        while (have < sizeof run && wait_readable(connection.get(), std::chrono::seconds(5))) {
          const ssize_t n =
              ::recv(connection.get(), reinterpret_cast<char*>(&run) + have, sizeof run - have, MSG_DONTWAIT);
          if (n <= 0) return;
          have += static_cast<std::size_t>(n);
        }
        if (have == sizeof run && !play(std::move(connection), run, false)) ++foreign;
      },
      12);
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address(), "--log-level", "warning"}});
  const std::size_t connections = scaled(20'000);
  many_runs(connections, 8, [&](std::size_t n) {
    const keyed_run run = make_run(n);
    unique_fd client = connect_with_receive_buffer(parse_address(front), 8'192);
    send_all(client.get(), std::as_bytes(std::span(&run, 1)));
    if (!play(std::move(client), run, true)) ++foreign;
  });
  CHECK(foreign == 0);
  backend.check();
  CHECK(sluice.wait_at_rest(std::chrono::seconds(3 * slowness)));  // lingering resets take up to a second
  sluice.check_clean_end();
  CHECK(sluice.final_count("pipes_killed").value_or(1) > 0);  // else this has shown nothing
}
