#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

side other_than(side which) { return which == side::client ? side::backend : side::client; }

relay_setup urgent_setup() {
  relay_setup setup;
  const int mode = GENERATE(0, 1, 2);
  CAPTURE(mode);
  setup.copies = mode == 1;
  if (mode == 2) setup.pipes = {0, 0, 0};
  return setup;
}

}  // namespace

TEST_CASE("relay: urgent data stays in the stream, wherever in it", "[relay][urgent]") {
  const side from = GENERATE(side::client, side::backend);
  const std::size_t ahead = GENERATE(0u, 1u, 5u, 100'000u);
  const std::size_t behind = GENERATE(0u, 3u, 100'000u);
  CAPTURE(static_cast<int>(from), ahead, behind);
  relay_fixture relayed(urgent_setup());
  if (ahead > 0) relayed.send_now(from, ahead);
  relayed.send_urgent(from);
  if (behind > 0) relayed.exchange(from, behind);
  relayed.exchange(from, 1);
  relayed.exchange(other_than(from), 10);
}

TEST_CASE("relay: an end of file right behind urgent data hides nothing", "[relay][urgent]") {
  const side from = GENERATE(side::client, side::backend);
  const std::size_t ahead = GENERATE(0u, 3u, 16u);
  const std::size_t behind = GENERATE(0u, 3u);
  CAPTURE(static_cast<int>(from), ahead, behind);
  relay_fixture relayed(urgent_setup());
  if (ahead > 0) relayed.send_now(from, ahead);
  relayed.send_urgent(from);
  if (behind > 0) relayed.send_behind_urgent(from, behind);
  relayed.finish(from);
  CHECK(relayed.receive_to_end(other_than(from)) == 0);
  CHECK(relayed.received(other_than(from)) == relayed.sent(from));
}

TEST_CASE("relay: urgent data that came after the harvest is not stepped over in silence", "[relay][urgent]") {
  relay_fixture relayed(urgent_setup());
  // An edge for bytes that the step before it has already moved: the relay reads once in vain, and meets the mark.
  relayed.send_now(side::client, 1);
  CHECK(relayed.harvest());
  relayed.send_now(side::client, 1);
  relayed.run();
  CHECK(relayed.harvest());
  relayed.send_urgent(side::client);
  relayed.run();
  relayed.exchange(side::client, 10);
}

TEST_CASE("relay: an end of file and urgent data that came after the harvest hide nothing", "[relay][urgent]") {
  relay_fixture relayed(urgent_setup());
  relayed.send_now(side::client, 1);
  CHECK(relayed.harvest());
  relayed.send_now(side::client, 1);
  relayed.run();
  CHECK(relayed.harvest());
  relayed.send_urgent(side::client);
  relayed.send_behind_urgent(side::client, 4);
  relayed.finish(side::client);
  relayed.run();
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
}

TEST_CASE("relay: urgent data and an end of file behind a silenced source hide nothing", "[relay][urgent]") {
  relay_fixture relayed(urgent_setup());
  relayed.send_until_silenced(side::client);
  relayed.send_urgent(side::client);
  relayed.send_behind_urgent(side::client, 5);
  relayed.finish(side::client);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
}

TEST_CASE("relay: several urgent marks, one after the other, do not stop the stream", "[relay][urgent]") {
  const side from = GENERATE(side::client, side::backend);
  relay_fixture relayed(urgent_setup());
  for (int i = 0; i < 20; ++i) {
    relayed.send_urgent(from);
    if (i % 3 == 0) relayed.exchange(from, 7);
    if (i % 4 == 0) relayed.turn();
  }
  relayed.exchange(from, 1);
}

TEST_CASE("relay: an urgent byte that is all there is costs a few turns, then rest", "[relay][urgent]") {
  relay_fixture relayed(urgent_setup());
  relayed.send_urgent(side::client);
  int turns = 0;
  while (relayed.turn()) ++turns;
  CHECK(turns < 5);
  relayed.exchange(side::client, 1);
}

TEST_CASE("relay: urgent data of a unix peer stays in the stream, too", "[relay][urgent]") {
  relay_setup setup = urgent_setup();
  setup.client = family::unix_stream;
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 3);
  if (!relayed.can_send_urgent(side::client)) {
    WARN("no urgent data on unix sockets here");
    return;
  }
  relayed.send_behind_urgent(side::client, 3);
  relayed.settle();
  relayed.finish(side::client);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == 7);
}

}  // namespace sluice::relay::testing
