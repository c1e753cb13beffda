#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "faults/round_trips.hpp"

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/many_runs.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using sluice::faults::waiting_clients;
using sluice::sys::unique_fd;
using std::chrono::microseconds;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr std::size_t enough_reads = 1'000 / slowness;

}  // namespace

// FAULTS.md R6.
TEST_CASE("faults: twenty thousand connects beside a bulk stream do not hold it up", "[faults][R6]") {
  const fd_baseline descriptors;
  std::atomic<bool> over{false};
  const peer_server bulk([&](unique_fd fd) {
    const std::vector<std::byte> zeros(256 * 1024);
    while (!over) {
      if (wait_writable(fd.get(), std::chrono::milliseconds(100)))
        ::send(fd.get(), zeros.data(), zeros.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  });
  const echo_server backend;
  const std::string bulk_front = free_address();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {bulk_front + '=' + bulk.address(), front + '=' + backend.address()}});
  unique_fd reader = connect_to(parse_address(bulk_front));
  REQUIRE(wait_readable(reader.get()));
  std::vector<microseconds> gaps;
  std::atomic<std::size_t> reads{0};
  auto reading = std::async(std::launch::async, [&] {
    std::vector<std::byte> piece(256 * 1024);
    auto last = clock_type::now();
    while (!over) {
      wait_readable(reader.get());
      if (::recv(reader.get(), piece.data(), piece.size(), MSG_DONTWAIT) <= 0) continue;
      const auto now = clock_type::now();
      gaps.push_back(std::chrono::duration_cast<microseconds>(now - last));
      last = now;
      ++reads;
    }
  });
  std::size_t n = 0;
  const auto begun = clock_type::now();
  // A slow build reads little in one storm: it goes on until a percentile of the gaps means something.
  for (int storms = 0; storms == 0 || (reads <= enough_reads && storms < 20); ++storms) {
    many_runs(scaled(20'000), 4, [&](std::size_t) {
      unique_fd client = connect_to(parse_address(front));
      reset(std::move(client));
    });
    n += scaled(20'000);
  }
  const double took = std::chrono::duration<double>(clock_type::now() - begun).count();
  over = true;
  reading.get();
  REQUIRE(gaps.size() > enough_reads);
  const microseconds p99 = percentile(gaps, 0.99);
  const microseconds longest = percentile(gaps, 1.0);
  CHECK(p99 < std::chrono::milliseconds(50 * slowness));
  figure("R6", std::to_string(n) + " connects in " + std::to_string(static_cast<int>(took * 1'000)) + " ms; gaps of " +
                   std::to_string(p99.count()) + " us at p99, " + std::to_string(longest.count()) + " us at most");
  reader.reset();
  // Who was reset while the queue was full was never in it, and is no session.
  CHECK(wait_until([&] { return waiting_clients(parse_address(front).port()) == 0; }, slowness * patience));
  CHECK(sluice.wait_at_rest(slowness * patience));
  sluice.check_clean_end();
  const std::size_t sessions = session_records(sluice.output()).size();
  CHECK(sluice.final_count("sessions") == sessions);
  CHECK(sessions > n / 2);
}
