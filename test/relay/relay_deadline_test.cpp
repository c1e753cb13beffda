#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "sys/socket.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

side other_than(side which) { return which == side::client ? side::backend : side::client; }

}  // namespace

TEST_CASE("relay: without a byte for the idle time it is closed, not earlier", "[relay][deadline]") {
  relay_fixture relayed;
  relayed.advance(60 * second - 1);
  CHECK_FALSE(relayed.closed());
  CHECK(relayed.subject().due() <= relayed.now() + 1);
  relayed.advance(1);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::idle_timeout);
  CHECK(relayed.receive_to_end(side::client) == 0);
  CHECK(relayed.receive_to_end(side::backend) == 0);
}

TEST_CASE("relay: every byte, in either direction, puts the idle time off", "[relay][deadline]") {
  relay_fixture relayed;
  for (int i = 0; i < 5; ++i) {
    relayed.advance(40 * second);
    relayed.exchange(i % 2 == 0 ? side::client : side::backend, 1);
    CHECK(relayed.subject().last_move() == relayed.now());
  }
  relayed.advance(59 * second);
  CHECK_FALSE(relayed.closed());
  relayed.advance(second);
  CHECK(relayed.closed());
}

TEST_CASE("relay: after an end of file the half-close time counts", "[relay][deadline]") {
  const side first = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.exchange(side::client, 10);
  relayed.finish(first);
  CHECK(relayed.receive_to_end(other_than(first)) == 0);
  relayed.advance(19 * second);
  relayed.exchange(other_than(first), 10);
  relayed.advance(19 * second);
  CHECK_FALSE(relayed.closed());
  relayed.advance(second);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::half_close_timeout);
}

TEST_CASE("relay: the half-close time begins with the end of file, however long nothing moved before",
          "[relay][deadline]") {
  const side first = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.advance(50 * second);
  relayed.finish(first);
  CHECK(relayed.receive_to_end(other_than(first)) == 0);
  CHECK(relayed.subject().due() == relayed.now() + 20 * second);
  relayed.advance(20 * second - 1);
  CHECK_FALSE(relayed.closed());
  relayed.exchange(other_than(first), 10);
}

TEST_CASE("relay: a limit of 0 never comes", "[relay][deadline]") {
  relay_setup setup;
  setup.settings = {0, 0, second, 0};
  relay_fixture relayed(setup);
  relayed.advance(second);
  CHECK(relayed.subject().due() == loop::never);
  relayed.advance(400 * 24 * 3'600 * second);
  relayed.finish(side::client);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  relayed.advance(400 * 24 * 3'600 * second);
  relayed.exchange(side::backend, 10);
}

TEST_CASE("relay: a timeout with bytes on their way is a reset, not an end of file", "[relay][deadline]") {
  relay_setup setup;
  setup.backend_sndbuf = 4'096;
  setup.backend_rcvbuf = 4'096;
  relay_fixture relayed(setup);
  relayed.flood(side::client);
  relayed.advance(60 * second);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::idle_timeout);
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.receive_to_end(side::client) == ECONNRESET);
  CHECK(relayed.counts().pipes_killed.value() == 1);
}

TEST_CASE("relay: told to end, it does so when nobody waits for an answer, with an end of file to both",
          "[relay][deadline]") {
  relay_fixture relayed;
  relayed.subject().end_at(relayed.now() + 10 * second, close_reason::lifetime);
  relayed.subject().end_at(relayed.now() + 30 * second, close_reason::drained);  // later: does not count
  relayed.exchange(side::client, 10);
  relayed.exchange(side::backend, 10);
  relayed.advance(10 * second - 1);
  CHECK_FALSE(relayed.closed());
  CHECK(relayed.subject().due() <= relayed.now() + 1);
  relayed.advance(1);
  CHECK(relayed.turn_until_closed());  // the peers' kernels may owe an acknowledgement
  CHECK(relayed.subject().reason() == close_reason::lifetime);
  CHECK(relayed.receive_to_end(side::client) == 0);
  CHECK(relayed.receive_to_end(side::backend) == 0);
}

TEST_CASE("relay: told to end while bytes move, it waits for them to rest", "[relay][deadline]") {
  relay_fixture relayed;
  relayed.subject().end_at(relayed.now(), close_reason::lifetime);
  for (int i = 0; i < 10; ++i) {
    relayed.exchange(side::client, 10);
    relayed.exchange(side::backend, 10);
    relayed.advance(19 * millisecond);
    REQUIRE_FALSE(relayed.closed());
  }
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.receive_to_end(side::client) == 0);
}

TEST_CASE("relay: told to end with a question unanswered, it resets after a second", "[relay][deadline]") {
  relay_fixture relayed;
  SECTION("the first one") { relayed.exchange(side::client, 10); }
  SECTION("of two that have finished, one has not") {
    relayed.exchange(side::client, 10);
    relayed.exchange(side::backend, 10);
    relayed.finish(GENERATE(side::client, side::backend));
    relayed.settle();
  }
  SECTION("a later one") {
    relayed.exchange(side::client, 10);
    relayed.exchange(side::backend, 10);
    // The kernel counts in ticks of its own, 10 ms at the most.
    REQUIRE(
        support::wait_until([&] { return sys::last_received_ms(relayed.subject().of(side::backend).fd.get()) > 20; }));
    relayed.exchange(side::client, 10);
  }
  relayed.subject().end_at(relayed.now(), close_reason::lifetime);
  for (int i = 0; i < 99; ++i) relayed.advance(10 * millisecond);
  CHECK_FALSE(relayed.closed());
  relayed.advance(10 * millisecond);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::lifetime);
  const int ends[] = {relayed.receive_to_end(side::client), relayed.receive_to_end(side::backend)};
  CHECK((ends[0] == ECONNRESET || ends[1] == ECONNRESET));
}

TEST_CASE("relay: told to end while bytes are stuck, it resets after a second", "[relay][deadline]") {
  relay_setup setup;
  setup.backend_sndbuf = 4'096;
  setup.backend_rcvbuf = 4'096;
  relay_fixture relayed(setup);
  relayed.flood(side::client);
  relayed.subject().end_at(relayed.now(), close_reason::lifetime);
  relayed.advance(999 * millisecond);
  CHECK_FALSE(relayed.closed());
  relayed.advance(millisecond);
  CHECK(relayed.closed());
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
  CHECK(relayed.receive_to_end(side::client) == ECONNRESET);
}

TEST_CASE("relay: cut resets both sides at once", "[relay][deadline]") {
  relay_fixture relayed;
  relayed.exchange(side::client, 10);
  relayed.cut(close_reason::drained);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::drained);
  CHECK(relayed.receive_to_end(side::client) == ECONNRESET);
  CHECK(relayed.receive_to_end(side::backend) == ECONNRESET);
}

}  // namespace sluice::relay::testing
