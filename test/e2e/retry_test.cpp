#include <sys/socket.h>

#include <chrono>
#include <map>
#include <string>
#include <system_error>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/full_backlog.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;

namespace {

std::string service(const std::string& front, const std::string& backends, const std::string& more = {}) {
  return "[service.s]\nlisten = '" + front + "'\nbackends = [" + backends + "]\n" + more;
}

/// A client that asks and is reset. The reset may come as early as in connect(2).
bool is_reset(const std::string& front) {
  try {
    const unique_fd client = connect_to(parse_address(front));
    return receive_stream(client.get(), 1).end == stream_end::reset;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_reset;
  }
}

std::string quoted(const std::string& text) { return '\'' + text + '\''; }

}  // namespace

// FAULTS.md B1.
TEST_CASE("e2e: one refusing backend of three costs no client anything", "[e2e][B1]") {
  const fd_baseline descriptors;
  const auto treat = [](unique_fd connection) { echo(connection.get()); };
  const peer_server one(treat, 2);
  const peer_server two(treat, 2);
  const listening_socket closed = closed_port();
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(one.address()) + ',' + quoted(to_string(closed.address)) + ',' +
                                                    quoted(two.address()))});
  constexpr std::size_t clients = 200;
  for (std::size_t i = 0; i < clients; ++i) {
    const unique_fd client = connect_to(parse_address(front));
    send_all(client.get(), "x");
    CHECK(receive_text(client.get(), 1) == "x");
  }
  std::map<std::string, std::size_t> served;
  std::size_t retried = 0;
  for (const auto& record : sluice.wait_sessions(clients)) {
    ++served[record.backend];
    CHECK(record.reason == "client_fin");
    CHECK(record.attempts <= 2);
    retried += record.attempts - 1;
  }
  CHECK(served[one.address()] >= clients / 3);
  CHECK(served[two.address()] >= clients / 3);
  CHECK(served.count(to_string(closed.address)) == 0);
  CHECK(retried >= 1);
  CHECK(retried < clients / 4);  // a backend that failed rests
  sluice.check_clean_end();
}

TEST_CASE("e2e: when every backend refuses, the client is reset", "[e2e]") {
  const fd_baseline descriptors;
  const listening_socket closed = closed_port();
  const listening_socket closed_too = closed_port();
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = service(front, quoted(to_string(closed.address)) + ',' + quoted(to_string(closed_too.address)))});
  for (int i = 0; i < 3; ++i) CHECK(is_reset(front));
  for (const auto& record : sluice.wait_sessions(3)) {
    CHECK(record.reason == "connect_failed");
    CHECK(record.error == "ECONNREFUSED");
    CHECK(record.attempts == 2);
    CHECK(record.path == "none");
  }
  sluice.check_clean_end();
}

// FAULTS.md B2.
TEST_CASE("e2e: a backend that does not answer is given up in time for the next one", "[e2e][B2]") {
  const fd_baseline descriptors;
  const full_backlog silent;
  const peer_server answering([](unique_fd connection) { echo(connection.get()); });
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(silent.address()) + ',' + quoted(answering.address()),
                                         "timeouts.connect = '200ms'\n") +
                                 "[limits]\nworkers = 1\n"});
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 2; ++i) {  // the first or the second of them tries the silent one first
    const unique_fd client = connect_to(parse_address(front));
    send_all(client.get(), "x");
    CHECK(receive_text(client.get(), 1) == "x");
  }
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took >= milliseconds(200));
  CHECK(took < milliseconds(200 + 100 * slowness));
  const auto records = sluice.wait_sessions(2);
  CHECK(records[0].attempts + records[1].attempts == 3);
  CHECK(records[0].backend == answering.address());
  CHECK(records[1].backend == answering.address());
  sluice.check_clean_end();
  answering.check();
}

TEST_CASE("e2e: when no backend answers in time, the client is reset and the record says timeout", "[e2e][B2]") {
  const fd_baseline descriptors;
  const full_backlog silent;
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(silent.address()), "timeouts.connect = '100ms'\n")});
  CHECK(is_reset(front));
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.reason == "connect_timeout");
  CHECK(record.error == "ETIMEDOUT");
  CHECK(record.duration_s >= 0.1);
  CHECK(record.duration_s < 0.1 + 0.1 * slowness);
  sluice.check_clean_end();
}

TEST_CASE("e2e: idle sessions and half-closed ones end at their own deadlines", "[e2e]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(to_string(backend.address)),
                                         "timeouts = { idle = '400ms', half_close = '150ms' }\n")});
  const bool half_closed = GENERATE(true, false);
  CAPTURE(half_closed);
  const auto begun = std::chrono::steady_clock::now();
  const unique_fd client = connect_to(parse_address(front));
  const unique_fd behind = accept_from(backend.fd.get());
  send_all(client.get(), "x");
  CHECK(receive_text(behind.get(), 1) == "x");
  if (half_closed) ::shutdown(client.get(), SHUT_WR);
  const std::chrono::duration<double> beginning = std::chrono::steady_clock::now() - begun;
  REQUIRE(wait_readable(client.get()));
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.reason == (half_closed ? "half_close_timeout" : "idle_timeout"));
  CHECK(record.duration_s >= (half_closed ? 0.15 : 0.4));
  CHECK(record.duration_s < (half_closed ? 0.15 : 0.4) * 1.5 + 0.1 * slowness + beginning.count());
  sluice.check_clean_end();
}
