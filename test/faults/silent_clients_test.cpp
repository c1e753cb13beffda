#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "faults/round_trips.hpp"

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/many_runs.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/wait.hpp"
#include "sys/limits.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::faults;

using std::chrono::milliseconds;

// FAULTS.md H2.
TEST_CASE("faults: ten thousand clients that say nothing are cheap, hinder nobody and are gone in time",
          "[faults][H2]") {
  const fd_baseline descriptors;
  constexpr double limit = 10;  // seconds: all of them have to be in before the first one is out
  const std::size_t allowed = allow_descriptors(24'000);
  const echo_server backend;
  const std::string front = free_address();
  const std::string good_front = free_address();
  sluice_process sluice({.toml = "[service.silent]\nlisten = '" + front + "'\nbackends = '" + backend.address() +
                                 "'\ntimeouts.idle = '10s'\n[service.good]\nlisten = '" + good_front +
                                 "'\nbackends = '" + backend.address() + "'\n"});
  // Each of them takes two descriptors here and two in the program.
  REQUIRE(sluice.program().wait_output("room for "));
  const std::string said = sluice.output();
  const std::size_t room = std::min(std::stoul(said.substr(said.find("room for ") + 9)), allowed / 2 - 500) - 10;
  const std::size_t n = std::min(scaled(10'000), room);
  if (n < scaled(10'000)) WARN("the descriptors allowed are enough for " << n << " of 10000 clients");
  crowd good(parse_address(good_front), 1);
  const auto before = round_trip_p99(good);
  const std::size_t memory_before = memory_of(sluice.pid());
  {
    const crowd silent(parse_address(front), n);
    REQUIRE(wait_until(
        [&] { return descriptors_of(sluice.pid()).sockets == sluice.descriptors_at_start().sockets + 2 * n + 2; }));
    const std::size_t memory = memory_of(sluice.pid());
    const std::size_t each = (memory - std::min(memory, memory_before)) / n;
    // A sanitizer's own bookkeeping is not what is measured.
    if (slowness == 1) CHECK(each <= 20 * 1'024);
    const auto meanwhile = round_trip_p99(good);
    CHECK(meanwhile <= before + milliseconds(5 * slowness));

    double latest = 0;
    for (const session_record& record : sluice.wait_sessions(n)) {
      CHECK(record.reason == "idle_timeout");
      CHECK(record.duration_s >= limit);
      latest = std::max(latest, record.duration_s);
    }
    CHECK(latest <= limit * 1.1);
    figure("H2", std::to_string(n) + " clients, " + std::to_string(each) + " bytes each; gone at " +
                     std::to_string(static_cast<int>(latest / limit * 100)) + " % of the limit; p99 of another " +
                     std::to_string(before.count()) + " -> " + std::to_string(meanwhile.count()) + " us");
  }
  good.exchange(10);
  good.leave(1);
  sluice.wait_at_rest(slowness * patience);
  sluice.check_clean_end();
}

// FAULTS.md H3.
TEST_CASE("faults: fifty thousand clients that connect and reset leave nothing, not even a line", "[faults][H3]") {
  const fd_baseline descriptors;
  const std::size_t n = scaled(50'000);
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.toml = "[forward]\n'" + front + "' = '" + backend.address() + "'\n[log]\naccess = false\n"});
  REQUIRE(sluice.program().wait_output("room for "));
  const std::string said = sluice.output();
  many_runs(n, 4, [&](std::size_t) { reset(connect_to(parse_address(front))); });
  {
    crowd later(parse_address(front), 1);
    later.exchange(10);
  }
  // Those in the listeners' queues are still to come and go.
  const std::uint16_t port = parse_address(front).port();
  CHECK(wait_until([&] { return waiting_clients(port) == 0; }, slowness * patience));
  CHECK(sluice.wait_at_rest(slowness * patience));
  CHECK(sluice.output() == said);
  sluice.check_clean_end();
  // Whoever is gone before accept may never have been taken in.
  const std::uint64_t sessions = sluice.final_count("sessions").value_or(0);
  CHECK(sessions > n / 2);
  figure("H3", std::to_string(n) + " resets, " + std::to_string(sessions - 1) + " of them accepted; 0 lines, 0 leaks");
}
