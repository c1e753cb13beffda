#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

side other_than(side which) { return which == side::client ? side::backend : side::client; }

}  // namespace

TEST_CASE("relay: a second after the last byte a lost edge is found, counted and made good", "[relay][lost_edge]") {
  const side from = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.exchange(from, 100);
  relayed.send_now(from, 5);
  CHECK(relayed.harvest());
  relayed.subject().of(from).readable = false;  // the edge is lost
  relayed.run();
  relayed.advance(second - 1);
  CHECK_FALSE(relayed.in_doubt());
  relayed.advance(1);
  CHECK(relayed.in_doubt());
  relayed.look_again();
  relayed.expect_lost_edges(1);
  CHECK(relayed.counts().lost_edges.value() == 1);
  relayed.exchange(from, 1);
}

TEST_CASE("relay: room that no edge told of is found, too", "[relay][lost_edge]") {
  relay_setup setup;
  setup.backend_sndbuf = 16'384;
  setup.backend_rcvbuf = 16'384;
  relay_fixture relayed(setup);
  relayed.flood(side::client);
  CHECK_FALSE(relayed.subject().of(side::backend).writable);
  const std::uint64_t held = relayed.subject().client_to_backend().bytes_in_pipe();
  CHECK(held > 0);
  // The backend reads all of it, and every edge that says so is lost.
  CHECK(support::wait_until([&] {
    relayed.drop_edges();
    relayed.receive_now(side::backend);
    return relayed.received(side::backend) == relayed.subject().client_to_backend().bytes_out();
  }));
  relayed.drop_edges();
  relayed.advance(second);
  CHECK(relayed.in_doubt());
  relayed.look_again();
  relayed.expect_lost_edges(1);
  CHECK(relayed.turn_until([&] {
    relayed.receive_now(side::backend);
    return relayed.received(side::backend) > 2 * held;
  }));
}

TEST_CASE("relay: bytes that an edge tells of after the doubt are no lost edge", "[relay][lost_edge]") {
  const side from = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  relayed.exchange(other_than(from), 100);
  relayed.advance_without_harvest(second - 1);
  relayed.send_now(from, 5);
  relayed.advance_without_harvest(1);
  CHECK(relayed.in_doubt());
  CHECK(relayed.turn());
  relayed.look_again();
  relayed.exchange(from, 1);
}

TEST_CASE("relay: bytes that come after a doubt was settled, and before the second look, are no lost edge",
          "[relay][lost_edge]") {
  relay_fixture relayed;
  relayed.send_now(side::client, 5);
  relayed.advance_without_harvest(second);
  CHECK(relayed.in_doubt());
  CHECK(relayed.turn());
  relayed.send_now(side::client, 5);
  relayed.look_without_harvest();
  relayed.exchange(side::client, 1);
}

TEST_CASE("relay: an idle second with nothing lost raises no doubt", "[relay][lost_edge]") {
  relay_fixture relayed;
  relayed.exchange(side::client, 100);
  relayed.advance(second);
  CHECK_FALSE(relayed.in_doubt());
  CHECK(relayed.subject().due() > relayed.now() + second);
  relayed.exchange(side::client, 100);
  CHECK(relayed.subject().due() == relayed.now() + second);
}

TEST_CASE("relay: what a trusted fill left behind is found by its deadline, and is no lost edge",
          "[relay][lost_edge]") {
  const side from = GENERATE(side::client, side::backend);
  relay_fixture relayed;
  const auto way = [&]() -> pump& {
    return from == side::client ? relayed.subject().client_to_backend() : relayed.subject().backend_to_client();
  };
  for (int i = 0; i < 20 && !way().trusts_last_fill(); ++i) relayed.exchange(from, 1'000);
  REQUIRE(way().trusts_last_fill());

  // More fragments than a pipe has slots: what another socket sends in between keeps them from lying side by side.
  const support::socket_pair between = support::tcp_pair();
  for (int i = 0; i < 600; ++i) {
    relayed.send_now(from, 1);
    support::send_all(between.first.get(), "x");
  }
  relayed.settle();
  REQUIRE(way().trusts_last_fill());
  REQUIRE(way().bytes_in() < relayed.sent(from));
  relayed.advance(2 * millisecond - 1);
  CHECK(way().bytes_in() < relayed.sent(from));
  relayed.advance(1);
  CHECK(relayed.in_doubt());
  relayed.look_again();
  relayed.settle();
  CHECK(way().bytes_in() == relayed.sent(from));
  CHECK_FALSE(way().trusts_last_fill());
  relayed.exchange(from, 1'000);
  CHECK_FALSE(way().trusts_last_fill());
}

TEST_CASE("relay: what one direction left behind is found although the other one proved something in the same turn",
          "[relay][lost_edge]") {
  relay_fixture relayed;
  const auto trusts = [&] {
    return relayed.subject().client_to_backend().trusts_last_fill() &&
           relayed.subject().backend_to_client().trusts_last_fill();
  };
  for (int i = 0; i < 20 && !trusts(); ++i) {
    relayed.exchange(side::client, 1'000);
    relayed.exchange(side::backend, 1'000);
  }
  REQUIRE(trusts());
  relayed.advance(4 * millisecond);
  const support::socket_pair between = support::tcp_pair();
  for (int i = 0; i < 600; ++i) {
    relayed.send_now(side::client, 1);
    support::send_all(between.first.get(), "x");
  }
  relayed.send_now(side::backend, 1'000);
  relayed.finish(side::backend);
  relayed.settle();
  REQUIRE(relayed.subject().client_to_backend().bytes_in() < relayed.sent(side::client));
  relayed.advance(2 * millisecond);
  relayed.look_again();
  relayed.settle();
  CHECK(relayed.subject().client_to_backend().bytes_in() == relayed.sent(side::client));
}

}  // namespace sluice::relay::testing
