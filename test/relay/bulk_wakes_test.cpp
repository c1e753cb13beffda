#include "relay/bulk_wakes.hpp"

#include <sys/socket.h>

#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

constexpr std::uint64_t mib = 1 << 20;

int low_water_mark(const stream& of) {
  int mark = 0;
  socklen_t size = sizeof mark;
  REQUIRE(::getsockopt(of.fd.get(), SOL_SOCKET, SO_RCVLOWAT, &mark, &size) == 0);
  return mark;
}

/// 64 KiB every millisecond, until the source of the direction wakes for many bytes alone.
void flow_until_gathering(relay_fixture& relayed, side from) {
  const side to = from == side::client ? side::backend : side::client;
  relayed.exchange(from, 2 * mib);  // full fills make it bulk
  for (int i = 0; i < 100 && low_water_mark(relayed.subject().of(from)) == 1; ++i) {
    relayed.send_now(from, mib / 16);
    CHECK(relayed.turn_until([&] {
      relayed.receive_now(to);
      return relayed.received(to) == relayed.sent(from);
    }));
    relayed.advance(millisecond);
  }
}

/// A bulk_wakes that is told of a direction of which so many bytes come in a millisecond.
struct told_wakes {
  support::socket_pair ends = support::tcp_pair();
  stream source;
  bulk_wakes wakes;
  bulk_wakes::progress seen;
  loop::time_ns now = second;

  told_wakes() { source.fd = std::move(ends.first); }
  loop::time_ns wait_after(std::uint64_t bytes, loop::time_ns span = millisecond) {
    now += span;
    seen.bytes += bytes;
    return wakes.waits(source, seen, now);
  }
  void flow(std::uint64_t bytes_a_millisecond, int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) wait_after(bytes_a_millisecond);
  }
};

}  // namespace

TEST_CASE("bulk wakes: a millisecond's worth has to gather, once that is proven to be much", "[relay][bulk]") {
  struct rate {
    std::uint64_t bytes_a_millisecond;
    int mark;
  };
  const rate one = GENERATE(rate{4 * mib, 256 * 1024}, rate{100'000, 100'000}, rate{20'000, 1});
  told_wakes told;
  told.flow(one.bytes_a_millisecond, 8);
  CHECK(low_water_mark(told.source) == 1);
  CHECK(told.wakes.due() == loop::never);
  told.flow(one.bytes_a_millisecond, 2);
  CHECK(low_water_mark(told.source) == one.mark);
  CHECK(told.wakes.due() == (one.mark == 1 ? loop::never : told.now + bulk_wakes::patience));
}

TEST_CASE("bulk wakes: a direction that is answered is no bulk", "[relay][bulk]") {
  told_wakes told;
  for (int i = 0; i < 100; ++i) {
    told.seen.bytes_back += 10;
    told.flow(mib, 3);
  }
  CHECK(low_water_mark(told.source) == 1);
  told.flow(mib, 10);
  CHECK(low_water_mark(told.source) > 1);
  ++told.seen.bytes_back;
  CHECK(told.wait_after(100) == loop::never);
  CHECK(low_water_mark(told.source) == 1);
}

TEST_CASE("bulk wakes: a wait is not put off by turns that bring nothing", "[relay][bulk]") {
  told_wakes told;
  told.flow(mib, 10);
  const loop::time_ns due = told.wakes.due();
  REQUIRE(due != loop::never);
  CHECK(told.wait_after(0, millisecond / 2) == due);
  const loop::time_ns later = told.wait_after(1, millisecond / 2);
  CHECK(later == told.now + bulk_wakes::patience);
}

TEST_CASE("bulk wakes: the tail of a long burst is taken, that of short ones ever more rarely delayed",
          "[relay][bulk]") {
  told_wakes told;
  told.flow(mib, 20);
  told.wakes.expire(100, told.now);
  CHECK(told.source.readable);
  CHECK(told.wakes.due() == loop::never);
  CHECK(low_water_mark(told.source) > 1);  // the burst was long: the next one is bulk as well

  int proof_ms = 8;
  for (int i = 0; i < 5; ++i) {
    told.source.readable = false;
    told.wait_after(1'000);
    told.wakes.expire(100, told.now);
    CHECK(low_water_mark(told.source) == 1);
    proof_ms *= 2;
    told.flow(mib, proof_ms - 1);
    CHECK(low_water_mark(told.source) == 1);
    told.flow(mib, 1);
    CHECK(low_water_mark(told.source) > 1);
  }
}

TEST_CASE("bulk wakes: a source that rests wakes by every byte again", "[relay][bulk]") {
  told_wakes told;
  told.flow(mib, 20);
  int looks = 0;
  while (told.wakes.due() != loop::never && looks < 100) {
    told.wakes.expire(0, told.wakes.due());
    ++looks;
  }
  CHECK(looks == 8);
  CHECK_FALSE(told.source.readable);
  CHECK(low_water_mark(told.source) == 1);
}

TEST_CASE("relay: the short tail of bulk arrives though no edge tells of it", "[relay][bulk]") {
  relay_fixture relayed;
  const stream& source = relayed.subject().of(side::backend);
  flow_until_gathering(relayed, side::backend);
  REQUIRE(low_water_mark(source) > 1'000);
  relayed.send_now(side::backend, 1'000);
  CHECK_FALSE(relayed.harvest());
  const std::uint64_t sent = relayed.sent(side::backend);
  relayed.advance_without_harvest(bulk_wakes::patience);
  CHECK(support::wait_until([&] {
    relayed.receive_now(side::client);
    return relayed.received(side::client) == sent;
  }));
  // An answer makes it a conversation: from its first byte on every byte wakes.
  relayed.exchange(side::client, 1);
  CHECK(low_water_mark(source) == 1);
  relayed.exchange(side::backend, 1);
}

TEST_CASE("relay: an end of file and a reset wake whatever has gathered", "[relay][bulk]") {
  const bool resets = GENERATE(false, true);
  relay_fixture relayed;
  const stream& source = relayed.subject().of(side::client);
  flow_until_gathering(relayed, side::client);
  REQUIRE(low_water_mark(source) > 1'000);
  relayed.send_now(side::client, 500);
  if (resets) {
    relayed.reset(side::client);
    CHECK(relayed.turn_until_closed());
  } else {
    relayed.finish(side::client);
    CHECK(relayed.receive_to_end(side::backend) == 0);
    relayed.finish(side::backend);
    CHECK(relayed.turn_until_closed());
  }
}

}  // namespace sluice::relay::testing
