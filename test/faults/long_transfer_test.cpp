#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "e2e/streams.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::e2e;
using std::chrono::milliseconds;

namespace {

/// Bytes of both directions together: SLUICE_LONG_BYTES, as 2e11.
std::uint64_t wanted_bytes() {
  const char* given = std::getenv("SLUICE_LONG_BYTES");
  return given != nullptr ? static_cast<std::uint64_t>(std::atof(given)) : 6'000'000'000U / slowness;
}

}  // namespace

// FAULTS.md L6: HAProxy 1.9 once stalled, but only after tens of gigabytes.
TEST_CASE("faults: a very long transfer in both directions neither stalls nor loses its place", "[faults][L6]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  two_streams asked{.to_backend = wanted_bytes() / 2, .to_client = wanted_bytes() / 2};
  // A longer gap ends the reading as silence. One of the test's own threads that comes late is none: bytes are there.
  asked.by_client.timeout = asked.by_backend.timeout = milliseconds(200 * slowness);
  asked.client_piece = asked.backend_piece = 256 * 1024;
  const auto begun = std::chrono::steady_clock::now();
  const two_results got = run_two_streams(front, backend.fd.get(), asked);
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  CHECK(got.at_backend.bytes == asked.to_backend);
  CHECK(got.at_backend.end == stream_end::eof);
  CHECK(got.at_client.bytes == asked.to_client);
  CHECK(got.at_client.end == stream_end::eof);
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.received == asked.to_backend);
  CHECK(record.sent == asked.to_client);
  CHECK(record.path == "spliced");
  const auto gap = longest_wait(got);
  figure("L6", std::to_string(wanted_bytes() / 1'000'000'000) + " GB in " + std::to_string(static_cast<int>(took)) +
                   " s, 0 mismatches, longest gap " + std::to_string(gap.count() / 1'000) + " ms");
  sluice.check_clean_end();
}
