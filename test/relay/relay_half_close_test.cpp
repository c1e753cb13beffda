#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "relay/relay_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"

namespace sluice::relay::testing {
namespace {

using loop::side;

struct half_close_case {
  family client;
  family backend;
  side first;
  bool copies;
};

close_reason fin_of(side which) { return which == side::client ? close_reason::client_fin : close_reason::backend_fin; }

side other_than(side which) { return which == side::client ? side::backend : side::client; }

half_close_case any_case() {
  return GENERATE(half_close_case{family::tcp, family::tcp, side::client, false},
                  half_close_case{family::tcp, family::tcp, side::backend, false},
                  half_close_case{family::tcp, family::tcp, side::client, true},
                  half_close_case{family::tcp, family::tcp, side::backend, true},
                  half_close_case{family::unix_stream, family::tcp, side::client, false},
                  half_close_case{family::tcp, family::unix_stream, side::client, false},
                  half_close_case{family::unix_stream, family::unix_stream, side::backend, false},
                  half_close_case{family::unix_stream, family::unix_stream, side::backend, true});
}

relay_setup setup_of(const half_close_case& one) {
  relay_setup setup;
  setup.client = one.client;
  setup.backend = one.backend;
  setup.copies = one.copies;
  return setup;
}

/// Segments that came to a TCP socket so far.
std::uint32_t segments_in(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info.tcpi_segs_in;
}

}  // namespace

TEST_CASE("relay: an end of file that is known rides on the last bytes", "[relay][half_close]") {
  const side from = GENERATE(side::client, side::backend);
  const bool known = GENERATE(true, false);
  relay_fixture relayed;
  const int reader = relayed.peer(other_than(from));
  const std::uint32_t before = segments_in(reader);
  relayed.send_now(from, 100);
  if (!known) relayed.settle();
  relayed.finish(from);
  CHECK(relayed.receive_to_end(other_than(from)) == 0);
  CHECK(relayed.received(other_than(from)) == 100);
  CHECK(segments_in(reader) - before == (known ? 1 : 2));
}

TEST_CASE("relay: an end of file follows the last byte, and the other direction lives on", "[relay][half_close]") {
  const half_close_case one = any_case();
  CAPTURE(static_cast<int>(one.client), static_cast<int>(one.backend), static_cast<int>(one.first), one.copies);
  relay_fixture relayed(setup_of(one));
  const side other = other_than(one.first);

  relayed.flood(one.first);
  relayed.end_stream(one.first);
  CHECK(relayed.sent(one.first) > 64 * 1024);
  CHECK(relayed.receive_to_end(other) == 0);
  CHECK(relayed.received(other) == relayed.sent(one.first));
  CHECK_FALSE(relayed.closed());

  relayed.exchange(other, 300'000);
  relayed.flood(other);
  relayed.end_stream(other);
  CHECK(relayed.receive_to_end(one.first) == 0);
  CHECK(relayed.received(one.first) == relayed.sent(other));
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == fin_of(one.first));
  CHECK(relayed.subject().error() == 0);
  CHECK(relayed.counts().pipes_killed.value() == 0);
}

TEST_CASE("relay: both directions move at once and both ends of file arrive", "[relay][half_close]") {
  relay_fixture relayed(setup_of(any_case()));
  relayed.flood(side::client);
  relayed.flood(side::backend);
  relayed.end_stream(side::backend);
  relayed.end_stream(side::client);
  CHECK(relayed.receive_to_end(side::client) == 0);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::client) == relayed.sent(side::backend));
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
  CHECK(relayed.turn_until_closed());
}

TEST_CASE("relay: an end of file before the first byte ends one direction only", "[relay][half_close]") {
  const half_close_case one = any_case();
  relay_fixture relayed(setup_of(one));
  const side other = other_than(one.first);
  relayed.finish(one.first);
  CHECK(relayed.receive_to_end(other) == 0);
  relayed.exchange(other, 1);
  relayed.finish(other);
  CHECK(relayed.receive_to_end(one.first) == 0);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == fin_of(one.first));
}

TEST_CASE("relay: bytes and an end of file that one edge tells of both arrive", "[relay][half_close]") {
  const std::size_t n = GENERATE(1u, 5u, 15u, 16u, 17u, 65'535u, 65'536u, 65'537u);
  const half_close_case one = any_case();
  CAPTURE(n);
  relay_fixture relayed(setup_of(one));
  const side other = other_than(one.first);
  relayed.send_now(one.first, n);
  relayed.finish(one.first);
  CHECK(relayed.receive_to_end(other) == 0);
  CHECK(relayed.received(other) == n);
}

TEST_CASE("relay: a client that ends and closes at once still has its request delivered", "[relay][half_close]") {
  const bool copies = GENERATE(false, true);
  relay_setup setup;
  setup.copies = copies;
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 100'000);
  relayed.client.reset();
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == 100'000);
  relayed.finish(side::backend);
  CHECK(relayed.turn_until_closed());
  CHECK(relayed.subject().reason() == close_reason::client_fin);
}

TEST_CASE("relay: a thousand one-byte segments are relayed through sixteen slots", "[relay]") {
  relay_setup setup;
  setup.pipes = {16, 1, 0};
  relay_fixture relayed(setup);
  relayed.send_now(side::client, 1'000, 1);
  relayed.finish(side::client);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == 1'000);
}

TEST_CASE("relay: without a single pipe the bytes are copied, counted and right", "[relay]") {
  relay_setup setup;
  setup.pipes = {0, 0, 0};
  relay_fixture relayed(setup);
  relayed.exchange(side::client, 2'000'000);
  relayed.exchange(side::backend, 2'000'000);
  relayed.flood(side::client);
  relayed.end_stream(side::client);
  CHECK(relayed.receive_to_end(side::backend) == 0);
  CHECK(relayed.received(side::backend) == relayed.sent(side::client));
  CHECK(relayed.counts().bytes_spliced.value() == 0);
  CHECK(relayed.counts().bytes_copied.value() == relayed.sent(side::client) + relayed.sent(side::backend));
  CHECK(relayed.counts().fallbacks[static_cast<std::size_t>(fallback_reason::no_pipe)].value() > 0);
}

TEST_CASE("relay: on the normal path not one byte is copied", "[relay]") {
  relay_setup setup;
  setup.client = GENERATE(family::tcp, family::unix_stream);
  setup.backend = GENERATE(family::tcp, family::unix_stream);
  relay_fixture relayed(setup);
  for (int i = 0; i < 100; ++i) {
    relayed.exchange(side::client, 64);
    relayed.exchange(side::backend, 64);
  }
  relayed.exchange(side::client, 5'000'000);
  CHECK(relayed.counts().bytes_copied.value() == 0);
  CHECK(relayed.counts().bytes_spliced.value() == relayed.sent(side::client) + relayed.sent(side::backend));
  for (const counter& one : relayed.counts().fallbacks) CHECK(one.value() == 0);
}

}  // namespace sluice::relay::testing
