// The relay that a loop of the caller's drives.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "sluice/relay.hpp"

#include "library/relay_ends.hpp"
#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/stream_peer.hpp"
#include "sys/socket.hpp"

namespace sluice::zero_copy::testing {

using sluice::close_reason;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

/// The caller's loop over an edge-triggered set: registered once, everything told is handed on, waits_for() not asked.
class edge_loop {
 public:
  edge_loop(relay& subject, int client, int backend) : relay_(subject), set_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const int fd : {client, backend}) {
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
      event.data.fd = fd;
      REQUIRE(::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
    }
  }
  bool turn_until_ended() {
    const auto deadline = relay_clock::now() + support::patience;
    while (relay_clock::now() < deadline) {
      const relay_status status = relay_.step();
      if (status == relay_status::ended) return true;
      std::array<epoll_event, 4> told;
      const int n = ::epoll_wait(set_.get(), told.data(), told.size(), status == relay_status::again ? 0 : 100);
      for (int i = 0; i < n; ++i) relay_.ready(told[i].data.fd, told[i].events);
    }
    return false;
  }

 private:
  relay& relay_;
  sluice::sys::unique_fd set_;
};

/// Both peers send and end their streams; what comes is compared. To be joined with the loop that relays meanwhile.
class busy_peers {
 public:
  busy_peers(const relay_ends& ends, std::uint64_t bytes, std::size_t piece) {
    for (const one_way& way : both_ways(ends)) {
      senders_.push_back(std::async(std::launch::async, [=] {
        support::send_stream(way.from, way.seed, bytes, 0, piece);
        ::shutdown(way.from, SHUT_WR);
      }));
      receivers_.push_back(std::async(std::launch::async, [=] {
        support::reading how;
        how.piece_bytes = 100'000;
        return support::receive_stream(way.at, way.seed, how);
      }));
    }
  }
  void check(std::uint64_t bytes) {
    for (auto& one : senders_) one.get();
    for (auto& one : receivers_) {
      const support::stream_received got = one.get();
      CHECK(got.bytes == bytes);
      CHECK(got.end == support::stream_end::eof);
    }
  }

 private:
  std::vector<std::future<void>> senders_;
  std::vector<std::future<support::stream_received>> receivers_;
};

}  // namespace

TEST_CASE("library step: every byte comes, over poll and over edges, in pieces of any size", "[library][relay]") {
  for (const combination& pair : combinations()) {
    for (const std::size_t piece : {1'000U, 70'000U, 1'000'000U}) {
      for (const bool edges : {false, true}) {
        CAPTURE(pair.name, piece, edges);
        const support::fd_baseline descriptors;
        const relay_ends ends(pair.client, pair.backend);
        pipe_pool pool;
        relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
        busy_peers peers(ends, 4 * mib, piece);
        if (edges) {
          CHECK(edge_loop(subject, ends.relayed_client.get(), ends.relayed_backend.get()).turn_until_ended());
        } else {
          CHECK(poll_loop(subject).turn_until_ended());
        }
        peers.check(4 * mib);
        CHECK(subject.result().client_to_backend.delivered == 4 * mib);
        CHECK(subject.result().backend_to_client.copied == 0);
        CHECK(pool.counts().in_use == 0);
        CHECK(subject.waits_for()[0].descriptor == -1);
        CHECK(subject.due() == relay_clock::time_point::max());
      }
    }
  }
}

TEST_CASE("library step: it says what to wait for, and holds a pipe only while bytes are in it", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends(family::unix_stream, family::unix_stream);
  pipe_pool pool;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
  poll_loop loop(subject);
  REQUIRE(loop.rests());
  for (const wait_interest& one : subject.waits_for()) CHECK(one.events == (POLLIN | POLLRDHUP | POLLPRI));
  CHECK(subject.waits_for()[0].descriptor == ends.relayed_client.get());
  CHECK(subject.waits_for()[1].descriptor == ends.relayed_backend.get());

  // The backend reads nothing: the client is not asked for more, room is waited for.
  const std::vector<std::byte> block(64 * 1024);
  CHECK(loop.turn_until([&] {
    support::send_until_full(ends.client.get());
    return (subject.waits_for()[1].events & POLLOUT) != 0 && (subject.waits_for()[0].events & POLLIN) == 0;
  }));
  CHECK(loop.rests());
  CHECK(pool.counts().in_use <= 1);
  const direction_counts held = subject.result().client_to_backend;
  CHECK((held.received > held.delivered) == (pool.counts().in_use == 1));
}

TEST_CASE("library step: a step stops at its budget and asks for another turn", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  pipe_pool pool;
  relay_options options;
  options.turn_bytes = 10'000;
  options.largest_fill = 4'096;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get(), options);
  support::send_all(ends.client.get(), support::byte_stream(1).bytes(0, 100'000));
  support::wait_unread(ends.relayed_client.get(), 100'000);
  subject.ready(ends.relayed_client.get(), POLLIN);
  std::uint64_t before = 0;
  int again = 0;
  while (subject.step() == relay_status::again) {
    ++again;
    const std::uint64_t now = subject.result().client_to_backend.received;
    // An unpromoted direction asks 64 KiB of its first fill: the budget is looked at between fills.
    CHECK(now - before <= 10'000 + 64 * 1024);
    before = now;
  }
  CHECK(again > 1);
  CHECK(support::receive_exactly(ends.backend.get(), 100'000) == support::byte_stream(1).bytes(0, 100'000));
}

TEST_CASE("library step: edges that the caller was told before there was a relay are not lost", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  support::send_all(ends.client.get(), "early");
  ::shutdown(ends.client.get(), SHUT_WR);
  support::wait_unread(ends.relayed_client.get(), 5);
  CHECK((support::poll_events(ends.relayed_client.get(), POLLRDHUP, support::patience) & POLLRDHUP) != 0);
  pipe_pool pool;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
  // Nothing is told to it.
  CHECK(subject.step() == relay_status::waiting);
  CHECK(support::receive_text(ends.backend.get(), 5) == "early");
  CHECK(subject.result().client_to_backend.finished);
}

TEST_CASE("library step: a socket that hung up is left out while nothing is wanted of it", "[library][relay]") {
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    const support::fd_baseline descriptors;
    relay_ends ends(pair.client, pair.backend);
    pipe_pool pool;
    relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
    poll_loop loop(subject);
    // The client is gone for good, its stream forwarded; the backend has not answered yet.
    ends.client.reset();
    CHECK(loop.turn_until([&] { return subject.result().client_to_backend.finished; }));
    CHECK(loop.rests());
    CHECK_FALSE(loop.ended());
  }
}

TEST_CASE("library step: urgent data is relayed in its place", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  pipe_pool pool;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
  poll_loop loop(subject);
  support::send_all(ends.client.get(), "before ");
  REQUIRE(::send(ends.client.get(), "!", 1, MSG_OOB) == 1);
  support::send_all(ends.client.get(), " after");
  ::shutdown(ends.client.get(), SHUT_WR);
  CHECK(loop.turn_until([&] { return subject.result().client_to_backend.finished; }));
  CHECK(support::receive_text(ends.backend.get(), 14) == "before ! after");
  CHECK(subject.result().fallbacks_for(sluice::fallback_reason::urgent_data) >= 1);
  CHECK(loop.rests());
}

TEST_CASE("library step: the time it is told decides when it is idle", "[library][relay]") {
  const relay_ends ends;
  pipe_pool pool;
  relay_options options;
  options.idle = std::chrono::hours(1);
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get(), options);
  const auto begun = relay_clock::now();
  CHECK(subject.due() < begun + std::chrono::hours(2));
  relay_status status = subject.step(begun + std::chrono::minutes(59));
  CHECK(status != relay_status::ended);
  for (int i = 0; i < 3 && status != relay_status::ended; ++i) status = subject.step(begun + std::chrono::minutes(61));
  CHECK(status == relay_status::ended);
  CHECK(subject.result().reason == close_reason::idle_timeout);
  CHECK_FALSE(subject.result().error);
}

TEST_CASE("library step: one pool serves many relays of a thread", "[library][relay]") {
  const support::fd_baseline descriptors;
  pipe_pool pool({256, 4, 256 * 1024});
  std::vector<relay_ends> ends(20);
  std::vector<relay> relays;
  for (const relay_ends& one : ends) relays.emplace_back(pool, one.relayed_client.get(), one.relayed_backend.get());
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      support::send_all(ends[i].client.get(), "to number " + std::to_string(i + 10));
      poll_loop loop(relays[i]);
      const std::uint64_t wanted = 12 * static_cast<std::uint64_t>(round + 1);
      CHECK(loop.turn_until([&] { return relays[i].result().client_to_backend.delivered == wanted; }));
      CHECK(support::receive_text(ends[i].backend.get(), 12) == "to number " + std::to_string(i + 10));
    }
  }
  CHECK(pool.counts().in_use == 0);
  CHECK(pool.counts().cached == 1);
}

}  // namespace sluice::zero_copy::testing
