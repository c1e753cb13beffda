#include "loop/edge_set.hpp"

#include <algorithm>
#include <limits>
#include <memory>
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

/// An edge set in its io_context, and how often it was ready.
struct watched_set {
  boost::asio::io_context io{1};
  int ready = 0;
  edge_set edges{io, [this] { ++ready; }};

  /// Runs what Asio has now, without waiting.
  void poll() {
    io.restart();
    io.poll();
  }
  bool wait_ready() {
    const int before = ready;
    io.restart();
    io.run_one_for(support::patience);
    return ready == before + 1;
  }
  std::uint32_t harvest_of(edge_token token) {
    std::uint32_t edges_of_it = 0;
    for (const epoll_event& event : edges.harvest())
      if (event.data.u64 == token.pack()) edges_of_it |= event.events;
    return edges_of_it;
  }
};

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

TEST_CASE("edge set: armed, it wakes its loop once for what has come", "[loop][edges]") {
  const support::fd_baseline descriptors;
  watched_set set;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(set.edges.add(pair.second.get(), token) == 0);
  set.edges.arm();
  CHECK(set.wait_ready());
  CHECK((set.harvest_of(token) & EPOLLOUT) != 0);
  set.poll();
  CHECK(set.ready == 1);  // not armed, nothing told

  support::send_all(pair.first.get(), "x");
  support::wait_unread(pair.second.get(), 1);
  set.poll();
  CHECK(set.ready == 1);
  set.edges.arm();
  CHECK(set.wait_ready());
  CHECK((set.harvest_of(token) & EPOLLIN) != 0);
  CHECK(set.harvest_of(token) == 0);  // an edge is told once
}

TEST_CASE("edge set: a silenced socket tells of an end of file, not of bytes", "[loop][edges]") {
  const support::fd_baseline descriptors;
  watched_set set;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(set.edges.add(pair.second.get(), token) == 0);
  set.harvest_of(token);
  REQUIRE(set.edges.silence(pair.second.get(), token) == 0);
  set.harvest_of(token);
  support::send_all(pair.first.get(), "bytes");
  support::wait_unread(pair.second.get(), 5);
  CHECK(set.harvest_of(token) == 0);
  ::shutdown(pair.first.get(), SHUT_WR);
  std::uint32_t told = 0;
  CHECK(support::wait_until([&] { return ((told |= set.harvest_of(token)) & EPOLLRDHUP) != 0; }));
  CHECK((told & EPOLLIN) == 0);
  REQUIRE(set.edges.restore(pair.second.get(), token) == 0);
  CHECK((set.harvest_of(token) & (EPOLLIN | EPOLLRDHUP)) == (EPOLLIN | EPOLLRDHUP));
}

TEST_CASE("edge set: a removed socket tells nothing, and can be added again", "[loop][edges]") {
  const support::fd_baseline descriptors;
  watched_set set;
  support::socket_pair pair = support::tcp_pair();
  REQUIRE(set.edges.add(pair.second.get(), token) == 0);
  CHECK(set.edges.add(pair.second.get(), token) == EEXIST);
  CHECK(set.edges.remove(pair.second.get()) == 0);
  CHECK(set.edges.remove(pair.second.get()) == ENOENT);
  CHECK(set.harvest_of(token) == 0);
  CHECK(set.edges.add(pair.second.get(), token) == 0);
  CHECK((set.harvest_of(token) & EPOLLOUT) != 0);
}

TEST_CASE("edge set: more edges than one harvest takes are all told, and arming tells of the rest", "[loop][edges]") {
  const support::fd_baseline descriptors;
  watched_set set;
  std::vector<support::socket_pair> pairs;
  for (std::uint32_t i = 0; i < 200; ++i) {
    pairs.push_back(support::unix_pair());
    REQUIRE(set.edges.add(pairs.back().first.get(), {i, 1, side::client}) == 0);
    REQUIRE(set.edges.add(pairs.back().second.get(), {i, 1, side::backend}) == 0);
  }
  std::vector<bool> told(400);
  std::size_t harvests = 0;
  set.edges.arm();
  while (std::find(told.begin(), told.end(), false) != told.end()) {
    REQUIRE(set.wait_ready());
    for (const epoll_event& event : set.edges.harvest()) {
      const edge_token one = edge_token::unpack(event.data.u64);
      told[one.slot * 2 + static_cast<std::size_t>(one.which)] = true;
    }
    ++harvests;
    set.edges.arm();
  }
  CHECK(harvests == 2);
}
