#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>

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

/// What a run of a half-close is made of. The backend learns it from the first bytes.
struct half_close_run {
  std::uint64_t seed;
  std::uint64_t bytes;
};

constexpr std::uint64_t answer_seed = 99;
constexpr std::uint64_t answer_bytes = 10'000;

half_close_run make_run(std::size_t n) {
  std::mt19937_64 random(n);
  // Mostly small: the interesting moments are at the end. Every tenth fills everything there is to fill.
  const std::uint64_t most = n % 10 == 0 ? 16'000'000 : 300'000;
  return {random(), random() % most};
}

/// One end of a half-close: it has been told all, and answers only then.
void answer_after_eof(int fd, const half_close_run& run, bool slow) {
  const reading how = slow ? reading{.piece_bytes = 4'096, .linger = std::chrono::microseconds(50)} : reading{};
  const stream_received got = receive_stream(fd, run.seed, how);
  if (got.end != stream_end::eof || got.bytes != run.bytes)
    throw std::runtime_error("cut after " + std::to_string(got.bytes) + " of " + std::to_string(run.bytes));
  send_stream(fd, answer_seed + run.seed, answer_bytes);
  ::shutdown(fd, SHUT_WR);
}

/// The other end: it says all, then end of file, and hears the answer whole.
void ask_with_eof(int fd, const half_close_run& run) {
  send_stream(fd, run.seed, run.bytes);
  ::shutdown(fd, SHUT_WR);
  const stream_received got = receive_stream(fd, answer_seed + run.seed);
  if (got.end != stream_end::eof || got.bytes != answer_bytes)
    throw std::runtime_error("answer cut after " + std::to_string(got.bytes));
}

}  // namespace

// FAULTS.md L1. The end of file may overtake nothing, and the other direction lives on after it.
TEST_CASE("e2e: a half-close of either side loses no byte and ends nothing early", "[e2e][slow][L1]") {
  const fd_baseline descriptors;
  const bool by_client = GENERATE(true, false);
  const bool slow = GENERATE(true, false);
  CAPTURE(by_client, slow);
  const int receive_buffer = slow ? 4'096 : 0;
  listening_socket where = listen_tcp();
  if (slow) set_receive_buffer(where.fd.get(), receive_buffer);
  peer_server backend(
      std::move(where),
      [&](unique_fd connection) {
        half_close_run run{};
        const auto head = receive_exactly(connection.get(), sizeof run);
        std::memcpy(&run, head.data(), sizeof run);
        if (by_client) {
          answer_after_eof(connection.get(), run, slow);
        } else {
          ask_with_eof(connection.get(), run);
        }
      },
      4);
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  const std::size_t runs = scaled(125);
  many_runs(runs, 4, [&](std::size_t n) {
    const half_close_run run = make_run(n);
    const unique_fd client = connect_with_receive_buffer(parse_address(front), receive_buffer);
    send_all(client.get(), std::as_bytes(std::span(&run, 1)));
    if (by_client) {
      ask_with_eof(client.get(), run);
    } else {
      answer_after_eof(client.get(), run, slow);
    }
  });
  backend.check();
  for (const auto& record : sluice.wait_sessions(runs))
    CHECK(record.reason == (by_client ? "client_fin" : "backend_fin"));
  sluice.check_clean_end();
}

// FAULTS.md L9.
TEST_CASE("e2e: however an end of file falls, the reason in the record is the same", "[e2e][L9]") {
  const fd_baseline descriptors;
  struct ordering {
    const char* name;
    std::size_t bytes;
    std::size_t pieces;
    bool eof_with_last;  ///< no pause between the last bytes and the end of file
  };
  const auto how =
      GENERATE(ordering{"before the first byte", 0, 1, true}, ordering{"behind one byte", 1, 1, true},
               ordering{"in a burst", 5, 1, true}, ordering{"when a pipe is just full", 65'536, 1, true},
               ordering{"when sixteen slots are full", 16, 16, true}, ordering{"after a rest", 100, 1, false});
  CAPTURE(how.name);
  peer_server backend([](unique_fd connection) { echo(connection.get()); });
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  constexpr std::size_t times = 100;
  for (std::size_t i = 0; i < times; ++i) {
    const unique_fd client = connect_to(parse_address(front));
    const std::string piece(how.bytes / how.pieces, 'x');
    for (std::size_t n = 0; n < how.pieces && how.bytes > 0; ++n) send_all(client.get(), piece);
    if (!how.eof_with_last) CHECK(receive_text(client.get(), how.bytes).size() == how.bytes);
    ::shutdown(client.get(), SHUT_WR);
    CHECK(receive_until_eof(client.get()).size() == (how.eof_with_last ? how.bytes : 0));
  }
  const auto records = sluice.wait_sessions(times);
  CHECK(records.size() == times);
  for (const auto& record : records) {
    CHECK(record.reason == "client_fin");
    CHECK(record.received == how.bytes);
    CHECK(record.sent == how.bytes);
  }
  backend.check();
  sluice.check_clean_end();
}

// FAULTS.md L11.
TEST_CASE("e2e: a backend that speaks first is heard at once, and silence on both sides breaks nothing", "[e2e][L11]") {
  const fd_baseline descriptors;
  peer_server backend(
      [](unique_fd connection) {
        send_all(connection.get(), "220 ready\r\n");
        echo(connection.get());
      },
      2);
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  const unique_fd silent = connect_to(parse_address(front));
  CHECK(receive_text(silent.get(), 11) == "220 ready\r\n");
  {
    const auto begun = std::chrono::steady_clock::now();
    const unique_fd client = connect_to(parse_address(front));
    CHECK(receive_text(client.get(), 11) == "220 ready\r\n");
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(200 * slowness));
  }
  CHECK(sluice.wait_sessions(1).at(0).reason == "client_fin");
  // Nobody has spoken here since.
  send_all(silent.get(), "still there?");
  CHECK(receive_text(silent.get(), 12) == "still there?");
  ::shutdown(silent.get(), SHUT_WR);
  CHECK(receive_until_eof(silent.get()).empty());
  sluice.wait_sessions(2);
  backend.check();
  sluice.check_clean_end();
}
