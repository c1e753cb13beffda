#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

side other_than(side which) { return which == side::client ? side::backend : side::client; }

close_reason reset_of(side which) {
  return which == side::client ? close_reason::client_reset : close_reason::backend_reset;
}

/// A peer that was given an end of file before has nothing to read any more: only poll and SO_ERROR tell of the reset.
bool is_told_of_reset(int fd) {
  if ((support::poll_events(fd, POLLIN, {}) & (POLLERR | POLLHUP)) == 0) return false;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == ECONNRESET || error == EPIPE;
}

relay_setup stalled_backend() {
  relay_setup setup;
  setup.backend_sndbuf = 16'384;
  setup.backend_rcvbuf = 16'384;
  return setup;
}

}  // namespace

TEST_CASE("relay: a reset while nothing is in flight is passed on", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  const bool copies = GENERATE(false, true);
  relay_setup setup;
  setup.copies = copies;
  relay_fixture relayed(setup);
  relayed.exchange(side::client, 1'000);
  relayed.exchange(side::backend, 1'000);
  relayed.reset(dead);
  CHECK(relayed.receive_to_end(other_than(dead)) == ECONNRESET);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
  CHECK(relayed.subject().error() == ECONNRESET);
}

TEST_CASE("relay: what was sent before a reset is delivered, then comes the reset", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  const int mode = GENERATE(0, 1, 2);
  const std::size_t n = GENERATE(1u, 16u, 60'000u);
  CAPTURE(static_cast<int>(dead), mode, n);
  relay_setup setup;
  setup.copies = mode == 1;
  if (mode == 2) setup.pipes = {0, 0, 0};
  relay_fixture relayed(setup);
  relayed.send_now(dead, n);
  relayed.reset(dead);
  CHECK(relayed.receive_to_end(other_than(dead)) == ECONNRESET);
  CHECK(relayed.received(other_than(dead)) == n);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
}

TEST_CASE("relay: a dead end that the other one writes to first is found out the same way", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.send_now(dead, 50'000);
  relayed.send_now(other_than(dead), 50'000);
  relayed.reset(dead);
  // Only the living side's edge is acted on: the write finds the reset, and takes the error.
  relayed.subject().of(other_than(dead)).readable = true;
  relayed.run();
  CHECK(relayed.receive_to_end(other_than(dead)) == ECONNRESET);
  CHECK(relayed.received(other_than(dead)) == 50'000);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
}

TEST_CASE("relay: a reset after an end of file from the same side ends the other direction", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.exchange(dead, 10);
  relayed.finish(dead);
  CHECK(relayed.receive_to_end(other_than(dead)) == 0);
  relayed.exchange(other_than(dead), 10);
  relayed.reset(dead);
  CHECK(relayed.turn_until([&] { return is_told_of_reset(relayed.peer(other_than(dead))); }));
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
}

TEST_CASE("relay: a reset after the other side's end of file is passed on", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.finish(other_than(dead));
  CHECK(relayed.receive_to_end(dead) == 0);
  relayed.send_now(dead, 40'000);
  relayed.reset(dead);
  CHECK(relayed.receive_to_end(other_than(dead)) == ECONNRESET);
  CHECK(relayed.received(other_than(dead)) == 40'000);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
}

TEST_CASE("relay: bytes and an end of file before a reset are no clean end", "[relay][reset]") {
  relay_fixture relayed(stalled_backend());
  relayed.send_until_silenced(side::client);
  relayed.finish(side::client);
  relayed.settle();
  relayed.reset(side::client);
  // What the client sent is delivered as the backend reads; that the client is gone is then no secret.
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == close_reason::client_reset);
}

TEST_CASE("relay: a survivor that reads slowly gets everything before the reset", "[relay][reset]") {
  relay_fixture relayed(stalled_backend());
  relayed.send_until_silenced(side::client);
  relayed.reset(side::client);
  relayed.settle();
  for (int i = 0; i < 5; ++i) {
    relayed.advance(900 * millisecond);
    CHECK_FALSE(relayed.closed());
    const std::uint64_t moved = relayed.subject().client_to_backend().bytes_out();
    CHECK(relayed.turn_until([&] {
      relayed.receive_now(side::backend);
      return relayed.closed() || relayed.subject().client_to_backend().bytes_out() > moved;
    }));
    if (relayed.received(side::backend) == relayed.sent(side::client)) break;
  }
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
}

TEST_CASE("relay: a survivor that takes nothing is reset after reset_linger, and not before", "[relay][reset]") {
  relay_fixture relayed(stalled_backend());
  relayed.flood(side::client);
  const loop::time_ns begun = relayed.now();
  relayed.advance(5 * second);
  relayed.reset(side::client);
  relayed.settle();
  CHECK_FALSE(relayed.closed());
  CHECK(relayed.subject().due() <= begun + 6 * second);
  relayed.advance(999 * millisecond);
  CHECK_FALSE(relayed.closed());
  relayed.advance(millisecond);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::client_reset);
  CHECK(relayed.counts().pipes_killed.value() == 1);
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.received(side::backend) < relayed.sent(side::client));
}

TEST_CASE("relay: what the survivor's kernel has not acknowledged holds the reset back", "[relay][reset]") {
  const bool reads = GENERATE(true, false);
  relay_setup setup;
  setup.backend_rcvbuf = 4'096;
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 60'000);
  relayed.reset(side::client);
  relayed.settle();
  REQUIRE(sys::unacknowledged_bytes(relayed.subject().of(side::backend).fd.get()) > 0);
  CHECK_FALSE(relayed.closed());
  CHECK(relayed.subject().due() == relayed.now() + millisecond);
  for (const int wait : {1, 2, 4, 8}) {
    CAPTURE(wait);
    CHECK(relayed.subject().due() == relayed.now() + (wait == 1 ? 1 : wait / 2) * millisecond);
    relayed.advance((wait == 1 ? 1 : wait / 2) * millisecond);
    CHECK_FALSE(relayed.closed());
  }
  if (reads) {
    CHECK(support::wait_until([&] {
      relayed.receive_now(side::backend);
      return sys::unacknowledged_bytes(relayed.subject().of(side::backend).fd.get()) == 0;
    }));
    relayed.advance(8 * millisecond);
    CHECK(relayed.closed());
    CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
    CHECK(relayed.received(side::backend) == 60'000);
  } else {
    relayed.advance(second - 9 * millisecond);
    relayed.advance(millisecond);
    CHECK(relayed.closed());
    CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  }
  CHECK(relayed.subject().reason() == close_reason::client_reset);
}

TEST_CASE("relay: when both ends are reset it is over at once", "[relay][reset]") {
  const side first = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.exchange(side::client, 10);
  relayed.reset(first);
  relayed.reset(other_than(first));
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().error() == ECONNRESET);
}

TEST_CASE("relay: a unix survivor sees an end of file, and the relay says so", "[relay][reset]") {
  const side dead = GENERATE(side::client, side::backend);
  relay_setup setup;
  (dead == side::client ? setup.backend : setup.client) = family::unix_stream;
  relay_fixture relayed(setup);
  relayed.send_now(dead, 60'000);
  relayed.reset(dead);
  CHECK(relayed.receive_to_end(other_than(dead)) == 0);
  CHECK(relayed.received(other_than(dead)) == 60'000);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == reset_of(dead));
  CHECK(relayed.subject().reset_shown_as_eof());
}

TEST_CASE("relay: a stalled unix survivor sees an end of file after reset_linger, and the relay says so",
          "[relay][reset]") {
  relay_setup setup;
  setup.backend = family::unix_stream;
  relay_fixture relayed(setup);
  relayed.flood(side::client);
  relayed.reset(side::client);
  relayed.settle();
  relayed.advance(second);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reset_shown_as_eof());
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) < relayed.sent(side::client));
}

TEST_CASE("relay: a cut shows a unix peer an end of file, and says so", "[relay][reset]") {
  relay_setup setup;
  setup.backend = GENERATE(family::tcp, family::unix_stream);
  relay_fixture relayed(setup);
  relayed.cut(close_reason::drained);
  CHECK(relayed.subject().reset_shown_as_eof() == (setup.backend == family::unix_stream));
}

TEST_CASE("relay: a unix end that closes with bytes unread is a reset", "[relay][reset]") {
  relay_setup setup;
  setup.client = family::unix_stream;
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 1'000);
  relayed.send_now(side::backend, 1'000);
  relayed.settle();
  relayed.client.reset();
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.received(side::backend) == 1'000);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == close_reason::client_reset);
  CHECK_FALSE(relayed.subject().reset_shown_as_eof());
}

}  // namespace sluice::relay::testing
