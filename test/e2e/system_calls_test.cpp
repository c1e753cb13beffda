#include <map>
#include <numeric>
#include <string>

#include "support/call_counter.hpp"
#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::support;

namespace {

using calls_by_name = std::map<std::string, std::size_t>;

constexpr std::size_t clients = 64;

std::size_t total_of(const calls_by_name& calls) {
  return std::accumulate(calls.begin(), calls.end(), std::size_t{0},
                         [](std::size_t sum, const auto& one) { return sum + one.second; });
}

std::string described(const calls_by_name& calls) {
  std::string text;
  for (const auto& [name, count] : calls) text += name + ' ' + std::to_string(count) + ", ";
  return text;
}

sluice_launch quiet(const std::string& mapping) {
  return {.arguments = {mapping, "--workers", "1"}, .environment = {"SLUICE_LOG_ACCESS=false"}};
}

}  // namespace

// What the kernel is asked for a unit of work does not depend on the machine (docs/benchmarks.md).
TEST_CASE("e2e: a steady round trip takes two splices a direction, three where the fill proves nothing", "[e2e]") {
  struct message {
    std::uint64_t bytes;
    std::size_t splices;  ///< most, each way
  };
  // More bytes than the pipe has slots: a shorter fill no longer says that the source is empty.
  const message one = GENERATE(message{64, 2}, message{4'096, 3});
  constexpr std::size_t rounds = 40;
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(quiet(front + '=' + backend.address()));
  {
    crowd everyone(parse_address(front), clients);
    everyone.exchange(one.bytes);
    call_counter counter(sluice.pid());
    for (std::size_t i = 0; i < rounds; ++i) everyone.exchange(one.bytes);
    const calls_by_name calls = counter.read();
    CAPTURE(one.bytes, described(calls));
    const std::size_t messages = clients * rounds * 2;
    REQUIRE(calls.count("splice") == 1);
    CHECK(calls.at("splice") >= 2 * messages);
    CHECK(calls.at("splice") <= one.splices * messages);
    CHECK(calls.count("epoll_ctl") == 0);
    // Waiting is shared, and is all that comes on top.
    CHECK(total_of(calls) <= (one.splices + 1) * messages);
  }
  sluice.check_clean_end();
}

TEST_CASE("e2e: a session of one round trip takes at most eighteen calls", "[e2e]") {
  constexpr std::size_t rounds = 10;
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(quiet(front + '=' + backend.address()));
  {
    crowd first(parse_address(front), clients);  // pipes, frames and slots are made once
    first.exchange(64);
  }
  REQUIRE(sluice.wait_at_rest());
  call_counter counter(sluice.pid());
  for (std::size_t i = 0; i < rounds; ++i) {
    crowd everyone(parse_address(front), clients);
    everyone.exchange(64);
  }
  REQUIRE(sluice.wait_at_rest());
  const calls_by_name calls = counter.read();
  CAPTURE(described(calls));
  constexpr std::size_t sessions = clients * rounds;
  REQUIRE(calls.count("accept4") == 1);
  CHECK(calls.at("accept4") >= sessions);
  // Sanitizers map and unmap memory of their own.
  if (slowness == 1) CHECK(total_of(calls) <= 18 * sessions);
  sluice.check_clean_end();
}
