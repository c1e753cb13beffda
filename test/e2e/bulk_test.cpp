#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "e2e/streams.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::e2e;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

std::string toml_for(const std::string& front, const std::string& back, const std::string& relay) {
  return "[service.bulk]\nlisten = '" + front + "'\nbackends = '" + back + "'\nrelay = '" + relay + "'\n";
}

void check_delivered(const two_results& result, const two_streams& asked) {
  CHECK(result.at_backend.bytes == asked.to_backend);
  CHECK(result.at_backend.end == stream_end::eof);
  CHECK(result.at_client.bytes == asked.to_client);
  CHECK(result.at_client.end == stream_end::eof);
}

void check_record(sluice_process& sluice, const two_streams& asked, const std::string& path) {
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK((record.reason == "client_fin" || record.reason == "backend_fin"));
  CHECK(record.received == asked.to_backend);
  CHECK(record.sent == asked.to_client);
  CHECK(record.path == path);
  CHECK((path == "spliced" ? record.spliced : record.copied) == asked.to_backend + asked.to_client);
}

}  // namespace

TEST_CASE("e2e: a gibibyte each way at once arrives byte for byte, and never enters the program", "[e2e][slow]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  const two_streams asked{.to_backend = 1024 * mib / slowness, .to_client = 1024 * mib / slowness};
  check_delivered(run_two_streams(front, backend.fd.get(), asked), asked);
  check_record(sluice, asked, "spliced");
  sluice.check_clean_end();
}

TEST_CASE("e2e: bulk over unix sockets, on either side and on both, arrives byte for byte", "[e2e][slow]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const bool unix_front = GENERATE(true, false);
  const bool unix_back = GENERATE(true, false);
  if (!unix_front && !unix_back) return;
  const listening_socket backend = unix_back ? listen_unix() : listen_tcp();
  const std::string front = unix_front ? "unix:" + (files / "front.sock") : free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  const two_streams asked{.to_backend = 128 * mib / slowness, .to_client = 128 * mib / slowness};
  CAPTURE(front, to_string(backend.address));
  check_delivered(run_two_streams(front, backend.fd.get(), asked), asked);
  check_record(sluice, asked, "spliced");
  sluice.check_clean_end();
}

TEST_CASE("e2e: with relay = copy the same bytes arrive, and the record calls them copied", "[e2e][slow]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.toml = toml_for(front, to_string(backend.address), "copy")});
  const two_streams asked{.to_backend = 256 * mib / slowness, .to_client = 256 * mib / slowness};
  check_delivered(run_two_streams(front, backend.fd.get(), asked), asked);
  check_record(sluice, asked, "copied");
  sluice.check_clean_end();
}

TEST_CASE("e2e: slow readers with small windows get every byte, spliced or copied", "[e2e][slow]") {
  const fd_baseline descriptors;
  const std::string relay = GENERATE("splice", "copy");
  const bool slow_client = GENERATE(true, false);
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.toml = toml_for(front, to_string(backend.address), relay)});
  const reading slowly{.piece_bytes = 4'096, .linger = std::chrono::microseconds(500)};
  two_streams asked{.to_backend = 16 * mib, .to_client = 16 * mib, .receive_buffer = 4'096};
  (slow_client ? asked.by_client : asked.by_backend) = slowly;
  CAPTURE(relay, slow_client);
  check_delivered(run_two_streams(front, backend.fd.get(), asked), asked);
  check_record(sluice, asked, relay == "copy" ? "copied" : "spliced");
  sluice.check_clean_end();
}

// FAULTS.md L5: a segment takes a slot of the pipe, however small it is.
TEST_CASE("e2e: one-byte segments to a slow reader make progress all the time", "[e2e][L5]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  two_streams asked{.to_backend = 100'000, .to_client = 100'000, .receive_buffer = 4'096};
  asked.client_piece = asked.backend_piece = 1;
  asked.by_client = asked.by_backend = {.piece_bytes = 512, .linger = std::chrono::microseconds(200)};
  // Whoever is scheduled late makes a gap, the test's own threads too: it is the least of a few runs.
  constexpr std::chrono::milliseconds longest_gap(100 * slowness);
  auto gap = std::chrono::microseconds::max();
  for (int run = 0; run < 3 && gap > longest_gap; ++run) {
    const two_results got = run_two_streams(front, backend.fd.get(), asked);
    check_delivered(got, asked);
    gap = std::min(gap, longest_wait(got));
  }
  CHECK(gap <= longest_gap);
  check_record(sluice, asked, "spliced");
  sluice.check_clean_end();
}
