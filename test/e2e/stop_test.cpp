#include <chrono>
#include <csignal>
#include <string>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t streams = 500;

sluice_launch with_drain(const std::string& front, const echo_server& backend, const std::string& drain) {
  return {.toml = "[forward]\n'" + front + "' = '" + backend.address() + "'\n[drain]\n" + drain + "\n"};
}

std::size_t count_drained(sluice_process& sluice, std::size_t of) {
  std::size_t n = 0;
  for (const auto& record : sluice.wait_sessions(of)) n += record.reason == "drained" ? 1 : 0;
  return n;
}

}  // namespace

// FAULTS.md C10.
TEST_CASE("e2e: SIGTERM or SIGINT ends an idle program within 100 ms, with code 0", "[e2e][C10]") {
  const fd_baseline descriptors;
  const int number = GENERATE(SIGTERM, SIGINT);
  const echo_server backend;
  std::vector<steady_clock::duration> took;
  for (int i = 0; i < 5; ++i) {
    sluice_process sluice({.arguments = {free_address() + '=' + backend.address()}});
    const auto begun = steady_clock::now();
    sluice.signal(number);
    REQUIRE(sluice.program().wait_exit().value_or(-1) == 0);
    took.push_back(steady_clock::now() - begun);
  }
  CHECK(median(took) <= milliseconds(100 * slowness));
}

TEST_CASE("e2e: a drain lets every session finish and takes no new one", "[e2e][C10]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  crowd clients(parse_address(front), streams);
  clients.exchange(1'000);
  sluice.signal(SIGTERM);
  REQUIRE(sluice.wait_notification("STOPPING=1"));
  CHECK(wait_until([&] {
    try {
      connect_to(parse_address(front));
      return false;
    } catch (const std::exception&) {
      return true;
    }
  }));
  clients.exchange(100'000);
  CHECK(sluice.program().running());
  clients.leave(streams);
  CHECK(sluice.program().wait_exit().value_or(-1) == 0);
  sluice.program().finish_output();
  CHECK(count_drained(sluice, streams) == 0);
  CHECK(sluice.final_count("lost_edges").value_or(0) == 0);
}

TEST_CASE("e2e: drain.grace goes on accepting for so long", "[e2e][C10]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(with_drain(front, backend, "grace = '500ms'"));
  const auto begun = steady_clock::now();
  sluice.signal(SIGTERM);
  REQUIRE(sluice.program().wait_output("SIGTERM: draining"));
  {
    crowd late(parse_address(front), 10);
    late.exchange(100);
  }
  CHECK(sluice.program().wait_exit().value_or(-1) == 0);
  const auto took = steady_clock::now() - begun;
  CHECK(took >= milliseconds(500));
  CHECK(took < milliseconds(500 + 200 * slowness));
}

TEST_CASE("e2e: at drain.timeout what is left is reset, counted and told by exit code 3", "[e2e][C10]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(with_drain(front, backend, "timeout = '300ms'"));
  crowd clients(parse_address(front), streams);
  clients.exchange(1'000);
  const auto begun = steady_clock::now();
  sluice.signal(SIGTERM);
  CHECK(sluice.program().wait_exit().value_or(-1) == 3);
  const auto took = steady_clock::now() - begun;
  CHECK(took >= milliseconds(300));
  CHECK(took < milliseconds(300 + 200 * slowness));
  for (std::size_t i = 0; i < streams; i += 20) CHECK(receive_stream(clients.fd(i), 1).end == stream_end::reset);
  sluice.program().finish_output();
  CHECK(count_drained(sluice, streams) == streams);
  CHECK(sluice.output().find(std::to_string(streams)) != std::string::npos);
}

TEST_CASE("e2e: a second signal ends it now, with code 3 if sessions were cut", "[e2e][C10]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  const std::string drain = GENERATE("timeout = '20s'", "grace = '20s'");
  sluice_process sluice(with_drain(front, backend, drain));
  crowd clients(parse_address(front), streams);
  clients.exchange(1'000);
  sluice.signal(SIGTERM);
  REQUIRE(sluice.program().wait_output("SIGTERM: draining"));
  CHECK(sluice.program().running());
  const auto begun = steady_clock::now();
  sluice.signal(SIGTERM);
  CHECK(sluice.program().wait_exit().value_or(-1) == 3);
  CHECK(steady_clock::now() - begun < milliseconds(200 * slowness));
  for (std::size_t i = 0; i < streams; i += 20) CHECK(receive_stream(clients.fd(i), 1).end == stream_end::reset);
  sluice.program().finish_output();
  CHECK(count_drained(sluice, streams) == streams);
}

TEST_CASE("e2e: SIGHUP is ignored with a line in the log", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  crowd clients(parse_address(front), 1);
  clients.exchange(10);
  sluice.signal(SIGHUP);
  CHECK(sluice.program().wait_output("SIGHUP ignored"));
  clients.exchange(10);
  clients.leave(1);
  sluice.wait_sessions(1);
  sluice.check_clean_end();
}

TEST_CASE("e2e: its service manager hears READY, then WATCHDOG all the time, then STOPPING", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  sluice_process sluice(
      {.arguments = {free_address() + '=' + backend.address()}, .watchdog = std::chrono::milliseconds(400)});
  for (int i = 0; i < 4; ++i) CHECK(sluice.wait_notification("WATCHDOG=1", milliseconds(400 * slowness)));
  sluice.signal(SIGTERM);
  CHECK(sluice.wait_notification("STOPPING=1"));
  CHECK(sluice.program().wait_exit().value_or(-1) == 0);
}

TEST_CASE("e2e: its service manager is told to wait as soon as the signal comes, for grace and drain", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(with_drain(front, backend, "grace = '20s'\ntimeout = '30s'"));
  crowd clients(parse_address(front), 1);
  clients.exchange(10);
  sluice.signal(SIGTERM);
  CHECK(sluice.wait_notification("STOPPING=1\nSTATUS=draining, 1 session left\nEXTEND_TIMEOUT_USEC=55000000"));
  clients.exchange(10);
  sluice.signal(SIGTERM);
  CHECK(sluice.program().wait_exit().value_or(-1) == 3);
}

TEST_CASE("e2e: its service manager hears how many sessions live when that changed", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  crowd clients(parse_address(front), 2);
  clients.exchange(10);
  CHECK(sluice.wait_notification("STATUS=1 listener, 2 sessions"));
  clients.leave(1);
  CHECK(sluice.wait_notification("STATUS=1 listener, 1 session"));
  clients.leave(1);
  sluice.wait_sessions(2);
  sluice.check_clean_end();
}

// FAULTS.md R9.
TEST_CASE("e2e: a reader of the log that stopped delays neither traffic nor the end", "[e2e][R9]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}, .output = output_reader::absent});
  crowd steady(parse_address(front), 1);
  std::vector<steady_clock::duration> took;
  for (int round = 0; round < 20; ++round) {
    crowd passing(parse_address(front), 100);  // 2,000 records: the pipe holds fewer than 200
    passing.exchange(10, milliseconds(1'000 * slowness));
    const auto begun = steady_clock::now();
    steady.exchange_one(0, 10);
    took.push_back(steady_clock::now() - begun);
  }
  CHECK(percentile(took, 0.9) < milliseconds(100 * slowness));
  CHECK(percentile(took, 1) < milliseconds(1'000 * slowness));
  steady.leave(1);
  CHECK(sluice.wait_at_rest());
  sluice.signal(SIGTERM);
  CHECK(sluice.program().wait_exit().value_or(-1) == 0);
}
