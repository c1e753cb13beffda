#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

}  // namespace

TEST_CASE("relay: a source whose sink is stalled is silenced, and costs nothing more", "[relay][silence]") {
  const bool copies = GENERATE(false, true);
  relay_setup setup;
  setup.copies = copies;
  relay_fixture relayed(setup);
  relayed.send_until_silenced(side::client);
  relayed.settle();
  for (int i = 0; i < 20; ++i) {
    relayed.send_now(side::client, 100);
    CHECK_FALSE(relayed.turn());
  }
  CHECK(relayed.subject().client_to_backend().bytes_in_pipe() > 0);
}

TEST_CASE("relay: a silenced source is heard again once the sink takes more", "[relay][silence]") {
  const int mode = GENERATE(0, 1, 2);
  relay_setup setup;
  setup.copies = mode == 1;
  if (mode == 2) setup.pipes = {0, 0, 0};
  relay_fixture relayed(setup);
  for (int i = 0; i < 5; ++i) {
    relayed.send_until_silenced(side::client);
    relayed.send_now(side::client, 777);
    CHECK(relayed.turn_until([&] {
      relayed.receive_now(side::backend);
      return relayed.received(side::backend) == relayed.sent(side::client);
    }));
    CHECK_FALSE(relayed.subject().of(side::client).silenced);
    relayed.exchange(side::client, 1);
  }
}

TEST_CASE("relay: a silenced source's own sink role is not disturbed", "[relay][silence]") {
  relay_fixture relayed;
  relayed.send_until_silenced(side::client);
  relayed.exchange(side::backend, 3'000'000);
  CHECK(relayed.subject().of(side::client).silenced);
}

TEST_CASE("relay: both directions stalled at once both come back", "[relay][silence]") {
  relay_fixture relayed;
  relayed.send_until_silenced(side::client);
  relayed.send_until_silenced(side::backend);
  CHECK(relayed.turn_until([&] {
    relayed.receive_now(side::backend);
    relayed.receive_now(side::client);
    return relayed.received(side::backend) == relayed.sent(side::client) &&
           relayed.received(side::client) == relayed.sent(side::backend);
  }));
  relayed.exchange(side::client, 1);
  relayed.exchange(side::backend, 1);
}

TEST_CASE("relay: an end of file from a silenced source is passed on behind its bytes", "[relay][silence]") {
  relay_fixture relayed;
  relayed.send_until_silenced(side::client);
  relayed.send_now(side::client, 99);
  relayed.finish(side::client);
  relayed.settle();
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
}

TEST_CASE("relay: a reset of a silenced source ends it within reset_linger", "[relay][silence]") {
  relay_fixture relayed;
  relayed.send_until_silenced(side::client);
  relayed.reset(side::client);
  relayed.settle();
  relayed.advance(second);
  CHECK(relayed.closed());
  CHECK(relayed.subject().reason() == close_reason::client_reset);
}

TEST_CASE("relay: a fast pair gives way after its turn's bytes", "[relay][fairness]") {
  relay_setup setup;
  setup.turn_bytes = 4'096;
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 50'000, 1'000);
  relayed.turn();
  const std::uint64_t moved = relayed.subject().client_to_backend().bytes_in();
  CHECK(moved >= 4'096);
  relayed.exchange(side::client, 1);
}

}  // namespace sluice::relay::testing
