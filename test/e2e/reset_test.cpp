#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <vector>

#include "e2e/connected_ends.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/full_backlog.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::e2e;

namespace {

enum class side { client, backend };
enum class state { streaming, half_closed_by_client, half_closed_by_backend, draining };

const char* name_of(state which) {
  switch (which) {
    case state::streaming: return "streaming with full pipes";
    case state::half_closed_by_client: return "half-closed by the client";
    case state::half_closed_by_backend: return "half-closed by the backend";
    case state::draining: return "draining after SIGTERM";
  }
  return "";
}

}  // namespace

// FAULTS.md L2. Everything that was received is delivered; what was cut never looks like an end of file.
TEST_CASE("e2e: a reset in the midst of a stream reaches the other end behind all that was received", "[e2e][L2]") {
  const fd_baseline descriptors;
  const side dead = GENERATE(side::client, side::backend);
  const state when =
      GENERATE(state::streaming, state::half_closed_by_client, state::half_closed_by_backend, state::draining);
  CAPTURE(dead == side::client ? "the client resets" : "the backend resets", name_of(when));
  const listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  auto [client_fd, backend_fd] = connect_ends(front, backend.fd.get());
  sys::unique_fd& victim = dead == side::client ? client_fd : backend_fd;
  const sys::unique_fd& survivor = dead == side::client ? backend_fd : client_fd;
  const int dying = victim.get();

  // The one that has said end of file can say no more; whoever still may has filled every buffer on the way.
  const bool dying_has_ended = (when == state::half_closed_by_client && dead == side::client) ||
                               (when == state::half_closed_by_backend && dead == side::backend);
  const bool survivor_has_ended = (when == state::half_closed_by_client && dead == side::backend) ||
                                  (when == state::half_closed_by_backend && dead == side::client);
  if (dying_has_ended) ::shutdown(dying, SHUT_WR);
  if (survivor_has_ended) ::shutdown(survivor.get(), SHUT_WR);
  if (!dying_has_ended) CHECK(send_stream_until_full(dying, 5) > 100'000);
  if (!survivor_has_ended) CHECK(send_stream_until_full(survivor.get(), 6) > 100'000);
  if (dying_has_ended) REQUIRE(wait_readable(survivor.get()));
  if (survivor_has_ended) REQUIRE(wait_readable(dying));
  if (when == state::draining) {
    sluice.signal(SIGTERM);
    REQUIRE(sluice.wait_notification("STOPPING=1"));
  }

  reset(std::move(victim));
  const stream_received got = receive_stream(survivor.get(), 5);
  // Behind an end of file no reset can be read.
  CHECK(got.end == (dying_has_ended ? stream_end::eof : stream_end::reset));
  CHECK(wait_until([&] { return was_reset(survivor.get()); }));
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.reason == (dead == side::client ? "client_reset" : "backend_reset"));
  CHECK(got.bytes == (dead == side::client ? record.received : record.sent));
  if (when == state::draining) {
    CHECK(sluice.program().wait_exit().value_or(-1) == 0);
  } else {
    sluice.check_clean_end();
  }
}

TEST_CASE("e2e: a client that resets while its backend is being connected is forgotten within a second", "[e2e][L2]") {
  const fd_baseline descriptors;
  const full_backlog unreachable;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + unreachable.address()}});
  sys::unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "is anybody there?");
  REQUIRE(
      wait_until([&] { return descriptors_of(sluice.pid()).sockets == sluice.descriptors_at_start().sockets + 2; }));
  reset(std::move(client));
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.reason == "client_reset");
  CHECK(record.received == 0);
  CHECK(record.duration_s < 1.0 * slowness);
  sluice.check_clean_end();
}

TEST_CASE("e2e: a backend that goes before it accepts resets the client", "[e2e][L2]") {
  const fd_baseline descriptors;
  listening_socket backend = listen_tcp();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  const sys::unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "a question");
  REQUIRE(wait_readable(backend.fd.get()));
  backend.fd.reset();  // what waits in its queue is reset
  const stream_received got = receive_stream(client.get(), 5);
  CHECK(got.end == stream_end::reset);
  // The reset may come before the program has seen that it was connected.
  const std::string reason = sluice.wait_sessions(1).at(0).reason;
  CHECK((reason == "backend_reset" || reason == "connect_failed"));
  sluice.check_clean_end();
}

TEST_CASE("e2e: over unix sockets, which know no reset, a cut stream ends as the record says", "[e2e][L2]") {
  const fd_baseline descriptors;
  const listening_socket backend = listen_unix();
  const std::string front = "unix:@sluice-front-" + std::to_string(::getpid());
  sluice_process sluice({.arguments = {front + '=' + to_string(backend.address)}});
  auto [client, behind] = connect_ends(front, backend.fd.get());
  send_stream_until_full(behind.get(), 5);
  send_stream_until_full(client.get(), 6);
  client.reset();  // unread bytes make this a reset on a unix socket, too
  CHECK(receive_stream(behind.get(), 6).end != stream_end::corrupted);
  CHECK(sluice.wait_sessions(1).at(0).reason == "client_reset");
  sluice.check_clean_end();
}
