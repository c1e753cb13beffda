#include "loop/edge_set.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/wait.hpp"

using sluice::loop::edge_set;
using sluice::loop::edge_token;
using sluice::loop::side;
namespace support = sluice::support;

namespace {

std::uint32_t harvest_of(edge_set& edges, edge_token token) {
  std::uint32_t edges_of_it = 0;
  for (const epoll_event& event : edges.wait(0, 0))
    if (event.data.u64 == token.pack()) edges_of_it |= event.events;
  return edges_of_it;
}

constexpr edge_token token{1, 2, side::client};

}  // namespace

TEST_CASE("edge token: what is packed comes out again", "[loop][edges]") {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  const edge_token whole = GENERATE(edge_token{0, 0, side::client}, edge_token{0, 0, side::backend},
                                    edge_token{1, 2, side::client}, edge_token{most, most >> 1U, side::backend},
                                    edge_token{most, 0, side::client}, edge_token{0, most >> 1U, side::client});
  const edge_token again = edge_token::unpack(whole.pack());
  CHECK(again.slot == whole.slot);
  CHECK(again.generation == whole.generation);
  CHECK(again.which == whole.which);
}

TEST_CASE("edge token: two sockets, slots or generations never look alike", "[loop][edges]") {
  std::vector<std::uint64_t> seen;
  for (const std::uint32_t slot : {0u, 1u, 2u, 0x80000000u})
    for (const std::uint32_t generation : {0u, 1u, 2u, 0x7fffffffu})
      for (const side which : {side::client, side::backend}) seen.push_back(edge_token{slot, generation, which}.pack());
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("edge set: an edge is told once, and again when more comes", "[loop][edges]") {
  const support::fd_baseline descriptors;
  edge_set edges;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(edges.add(pair.second.get(), token) == 0);
  CHECK((harvest_of(edges, token) & EPOLLOUT) != 0);
  CHECK(harvest_of(edges, token) == 0);
  for (std::size_t n = 1; n < 3; ++n) {
    support::send_all(pair.first.get(), "x");
    support::wait_unread(pair.second.get(), n);
    CHECK((harvest_of(edges, token) & EPOLLIN) != 0);
    CHECK(harvest_of(edges, token) == 0);
  }
}

TEST_CASE("edge set: a wait ends with the first edge, or when it is due, never before", "[loop][edges]") {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const support::fd_baseline descriptors;
  edge_set edges;
  constexpr sluice::loop::time_ns now = 5'000'000'000;
  const auto begun = steady_clock::now();
  CHECK(edges.wait(now, 0).empty());
  CHECK(edges.wait(now, now).empty());
  CHECK(edges.wait(now, now + 1).empty());  // rounded up to a millisecond
  CHECK(edges.wait(now, now + 20'000'001).empty());
  CHECK(steady_clock::now() - begun >= milliseconds(21));

  support::socket_pair pair = support::tcp_pair();
  REQUIRE(edges.add(pair.second.get(), token) == 0);
  CHECK(edges.wait(now, sluice::loop::never).size() == 1);
  support::send_all(pair.first.get(), "x");
  CHECK(edges.wait(now, now + 3'600'000'000'000).size() == 1);
}

TEST_CASE("edge set: a reader is told of what can be read, not of room", "[loop][edges]") {
  const support::fd_baseline descriptors;
  edge_set edges;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(edges.add_reader(pair.second.get(), token) == 0);
  CHECK(harvest_of(edges, token) == 0);
  support::send_all(pair.first.get(), "x");
  support::wait_unread(pair.second.get(), 1);
  CHECK(harvest_of(edges, token) == EPOLLIN);
}

TEST_CASE("edge set: a silenced socket tells of an end of file, not of bytes", "[loop][edges]") {
  const support::fd_baseline descriptors;
  edge_set edges;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(edges.add(pair.second.get(), token) == 0);
  harvest_of(edges, token);
  REQUIRE(edges.silence(pair.second.get(), token) == 0);
  harvest_of(edges, token);
  support::send_all(pair.first.get(), "bytes");
  support::wait_unread(pair.second.get(), 5);
  CHECK(harvest_of(edges, token) == 0);
  ::shutdown(pair.first.get(), SHUT_WR);
  std::uint32_t told = 0;
  CHECK(support::wait_until([&] { return ((told |= harvest_of(edges, token)) & EPOLLRDHUP) != 0; }));
  CHECK((told & EPOLLIN) == 0);
  REQUIRE(edges.restore(pair.second.get(), token) == 0);
  CHECK((harvest_of(edges, token) & (EPOLLIN | EPOLLRDHUP)) == (EPOLLIN | EPOLLRDHUP));
}

TEST_CASE("edge set: a removed socket tells nothing, and can be added again", "[loop][edges]") {
  const support::fd_baseline descriptors;
  edge_set edges;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(edges.add(pair.second.get(), token) == 0);
  CHECK(edges.add(pair.second.get(), token) == EEXIST);
  CHECK(edges.remove(pair.second.get()) == 0);
  CHECK(edges.remove(pair.second.get()) == ENOENT);
  CHECK(harvest_of(edges, token) == 0);
  CHECK(edges.add(pair.second.get(), token) == 0);
  CHECK((harvest_of(edges, token) & EPOLLOUT) != 0);
}

TEST_CASE("edge set: more edges than one wait takes are told by the next", "[loop][edges]") {
  const support::fd_baseline descriptors;
  edge_set edges;
  std::vector<support::socket_pair> pairs;
  for (std::uint32_t i = 0; i < 200; ++i) {
    pairs.push_back(support::unix_pair());
    REQUIRE(edges.add(pairs.back().first.get(), {i, 1, side::client}) == 0);
    REQUIRE(edges.add(pairs.back().second.get(), {i, 1, side::backend}) == 0);
  }
  std::vector<bool> told(400);
  for (const std::size_t expected : {edge_set::most_edges, 400 - edge_set::most_edges, std::size_t{0}}) {
    const auto harvest = edges.wait(0, 0);
    CHECK(harvest.size() == expected);
    for (const epoll_event& event : harvest) {
      const edge_token one = edge_token::unpack(event.data.u64);
      told[one.slot * 2 + static_cast<std::size_t>(one.which)] = true;
    }
  }
  CHECK(std::find(told.begin(), told.end(), false) == told.end());
}
