#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"

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
