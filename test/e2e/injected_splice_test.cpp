#include <sys/socket.h>

#include <csignal>
#include <string>

#include "e2e/connected_ends.hpp"
#include "e2e/streams.hpp"

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::e2e;
using std::chrono::milliseconds;

namespace {

constexpr double idle_percent = 5.0;

}  // namespace

// FAULTS.md L8.
TEST_CASE("e2e: whatever error splice gives now and then, the bytes arrive", "[e2e][L8]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EINVAL", "ENOSYS", "EPERM", "ENOMEM", "EINTR", "EAGAIN");
  const std::string which = GENERATE("1", "2", "3", "9+41");
  // Of ENOMEM each is by itself, and a fill that finds nothing copies nothing. Fill, drain and a look in vain may go
  // round in threes: every fourth call meets each of them.
  std::string when = which;
  if (error == "ENOMEM" && which == "3") when = "3+4";
  if (error == "ENOMEM" && which == "9+41") when = "9+4";
  CAPTURE(error, when);
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address), "--workers", "1"},
                         .inject = {"splice:error=" + error + ":when=" + when}});
  const two_streams asked{.to_backend = 2'000'000, .to_client = 3'000'000};
  const two_results got = run_two_streams(front, backend.fd.get(), asked);
  CHECK(got.at_backend.bytes == asked.to_backend);
  CHECK(got.at_backend.end == stream_end::eof);
  CHECK(got.at_client.bytes == asked.to_client);
  CHECK(got.at_client.end == stream_end::eof);
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK((record.reason == "client_fin" || record.reason == "backend_fin"));
  const bool kernel_lied = error == "EAGAIN";  // then the net under lost edges has to catch it
  const bool falls_back = !kernel_lied && error != "EINTR";
  if (falls_back) {
    CHECK(record.path == "mixed");
  } else {
    CHECK(record.path == "spliced");
  }
  if (!kernel_lied) {
    sluice.check_clean_end();
  } else {
    CHECK(sluice.wait_at_rest());
    CHECK(sluice.stop().value_or(-1) == 0);
  }
  if (const auto counted = sluice.final_count("fallbacks")) CHECK((*counted > 0) == falls_back);
}

TEST_CASE("e2e: where splice never works everything is copied, and each direction counts it once", "[e2e][L8]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EINVAL", "ENOSYS", "EPERM");
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + to_string(backend.address)}, .inject = {"splice:error=" + error + ":when=1+"}});
  const two_streams asked{.to_backend = 20'000'000, .to_client = 20'000'000};
  const two_results got = run_two_streams(front, backend.fd.get(), asked);
  CHECK(got.at_backend.bytes == asked.to_backend);
  CHECK(got.at_client.bytes == asked.to_client);
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.path == "copied");
  CHECK(record.copied == asked.to_backend + asked.to_client);
  sluice.check_clean_end();
  CHECK(sluice.final_count("fallbacks").value_or(2) == 2);
}

TEST_CASE("e2e: a broken pipe reported by splice ends the session by a reset, never by an end of file", "[e2e][L8]") {
  const fd_baseline descriptors;
  const std::string when = GENERATE("1", "4", "7");
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address), "--workers", "1"},
                         .inject = {"splice:error=EPIPE:when=" + when}});
  auto [client, behind] = connect_ends(front, backend.fd.get());
  send_stream_until_full(client.get(), 5);
  const stream_received got = receive_stream(behind.get(), 5);
  CHECK(got.end == stream_end::reset);
  const int client_fd = client.get();
  CHECK(wait_until([&] { return was_reset(client_fd); }));
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK((record.reason == "client_reset" || record.reason == "backend_reset" || record.reason == "relay_error"));
  CHECK(record.error == "EPIPE");
  sluice.check_clean_end();
}

TEST_CASE("e2e: while splice moves nothing the program does not spin", "[e2e][L8]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EAGAIN", "ENOMEM", "EINVAL");
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + to_string(backend.address)}, .inject = {"splice:error=" + error + ":when=1+"}});
  auto [client, behind] = connect_ends(front, backend.fd.get());
  send_stream_until_full(client.get(), 5);
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(500)) < idle_percent);
  // Where the kernel says "nothing there" for good, not even a reset can be seen: only a second signal ends it.
  sluice.signal(SIGTERM);
  REQUIRE(sluice.wait_notification("STOPPING=1"));
  sluice.signal(SIGTERM);
  CHECK(sluice.program().wait_exit().value_or(-1) == 3);
}

// FAULTS.md R3.
TEST_CASE("e2e: where no pipe is to be had connections live on copies, and splice again once there are pipes",
          "[e2e][R3]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  SECTION("never a pipe") {
    const std::string error = GENERATE("EMFILE", "ENFILE", "ENOMEM");
    sluice_process sluice(
        {.arguments = {front + '=' + backend.address()}, .inject_when_ready = {"pipe2:error=" + error + ":when=1+"}});
    {
      crowd clients(parse_address(front), 100);
      clients.exchange(100'000, slowness * patience);
    }
    for (const auto& record : sluice.wait_sessions(100)) {
      CHECK(record.path == "copied");
      CHECK(record.received == 100'000);
      CHECK(record.sent == 100'000);
    }
    sluice.check_clean_end();
    CHECK(sluice.final_count("pipes_refused").value_or(100) >= 100);
  }
  SECTION("no pipe at first") {
    sluice_process sluice({.arguments = {front + '=' + backend.address(), "--workers", "1"},
                           .inject_when_ready = {"pipe2:error=EMFILE:when=1..4"}});
    {
      crowd clients(parse_address(front), 4);
      for (int i = 0; i < 500; ++i) clients.exchange(100);
    }
    for (const auto& record : sluice.wait_sessions(4)) CHECK(record.path == "mixed");
    sluice.check_clean_end();
  }
}
