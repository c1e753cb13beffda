// What an edge-triggered epoll set says, and does not say: probes P2 and P12 of docs/splice.md and the facts that the
// edge set, the connector and the listeners rest on (docs/architecture.md).
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/edge_poll.hpp"
#include "sys/pipe.hpp"
#include "sys/socket.hpp"
#include "sys/stream_io.hpp"

using namespace sluice::support;
using sluice::sys::edge_poll;
using sluice::sys::io_result;
using sluice::sys::make_pipe;
using sluice::sys::make_socket;
using sluice::sys::pipe_pair;
using sluice::sys::unique_fd;
using kind = io_result::kind;

namespace {

constexpr std::uint32_t all_edges = edge_poll::all_edges;

/// An edge_poll that is asked about one descriptor.
class epoll_set {
 public:
  void add(int fd, std::uint32_t events) { REQUIRE(poll_.add(fd, token, events) == 0); }
  void modify(int fd, std::uint32_t events) { REQUIRE(poll_.modify(fd, token, events) == 0); }

  /// The events that are there now, or nullopt.
  std::optional<std::uint32_t> now() {
    std::array<epoll_event, 4> room;
    const auto events = poll_.wait(room, 0);
    if (events.empty()) return std::nullopt;
    CHECK(events.size() == 1);
    CHECK(std::uint64_t{events[0].data.u64} == token);
    return std::uint32_t{events[0].events};
  }
  /// The next event, waited for.
  std::uint32_t next() {
    REQUIRE(wait_readable(poll_.fd()));
    return now().value_or(0);
  }

 private:
  static constexpr std::uint64_t token = 0x0123'4567'89ab'cdef;
  edge_poll poll_;
};

}  // namespace

TEST_CASE("probe P2: a pipe that was full costs the edge, and a MOD reports it again", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(64 * 1024);
  epoll_set set;
  set.add(pair.second.get(), EPOLLIN);
  for (int i = 0; i < 200; ++i) send_all(pair.first.get(), "x");
  wait_unread(pair.second.get(), 200);
  CHECK(set.next() == EPOLLIN);

  std::size_t filled = 0;
  while (is_writable(pipe.write.get())) filled += io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).bytes;
  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).what == kind::would_block);
  char drained[256];
  CHECK(::read(pipe.read.get(), drained, sizeof drained) == static_cast<ssize_t>(filled));

  CHECK(sluice::sys::unread_bytes(pair.second.get()) > 0);
  CHECK_FALSE(set.now());
  set.modify(pair.second.get(), EPOLLIN);
  CHECK(set.now() == EPOLLIN);
}

TEST_CASE("probe P12: SO_RCVLOWAT holds back the event but not the bytes, and a FIN raises it", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  REQUIRE(sluice::sys::set_option(pair.second.get(), SOL_SOCKET, SO_RCVLOWAT, 10'000) == 0);
  epoll_set set;
  set.add(pair.second.get(), EPOLLIN);
  send_all(pair.first.get(), std::string(100, 'x'));
  wait_unread(pair.second.get(), 100);
  CHECK_FALSE(set.now());
  SECTION("splice takes what is there") {
    CHECK(io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).bytes == 100);
  }
  SECTION("a FIN is reported") {
    ::shutdown(pair.first.get(), SHUT_WR);
    CHECK((set.next() & EPOLLIN) != 0);
  }
}

TEST_CASE("probe: a hundred small sends give one event once SO_RCVLOWAT is set to their sum", "[probe]") {
  const fd_baseline descriptors;
  const socket_pair pair = tcp_pair();
  REQUIRE(sluice::sys::set_option(pair.second.get(), SOL_SOCKET, SO_RCVLOWAT, 100) == 0);
  epoll_set set;
  set.add(pair.second.get(), EPOLLIN);
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(set.now());
    send_all(pair.first.get(), "x");
  }
  CHECK(set.next() == EPOLLIN);
  CHECK_FALSE(set.now());
}

TEST_CASE("probe: bytes and a FIN before the harvest give one event and no further edge", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  epoll_set set;
  set.add(pair.second.get(), all_edges);
  CHECK(set.next() == EPOLLOUT);
  send_all(pair.first.get(), "bytes");
  ::shutdown(pair.first.get(), SHUT_WR);
  REQUIRE((poll_events(pair.second.get(), EPOLLRDHUP, patience) & EPOLLRDHUP) != 0);

  CHECK((set.next() & (EPOLLIN | EPOLLRDHUP)) == (EPOLLIN | EPOLLRDHUP));
  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).bytes == 5);
  CHECK_FALSE(set.now());
  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).what == kind::eof);
}

TEST_CASE("probe: a source is silent only when IN and PRI are both masked; a MOD reports what came meanwhile",
          "[probe]") {
  const fd_baseline descriptors;
  const socket_pair pair = tcp_pair();
  epoll_set set;
  set.add(pair.second.get(), all_edges);
  CHECK(set.next() == EPOLLOUT);
  const std::uint32_t masked = GENERATE(edge_poll::silent_edges | 0, edge_poll::silent_edges | EPOLLPRI);
  set.modify(pair.second.get(), masked);
  CHECK(set.now() == EPOLLOUT);
  for (int i = 0; i < 3; ++i) {
    send_all(pair.first.get(), "x");
    wait_unread(pair.second.get(), static_cast<std::size_t>(i) + 1);
    CHECK(set.now().has_value() == ((masked & EPOLLPRI) != 0));
  }
  set.modify(pair.second.get(), all_edges);
  CHECK(set.now() == (EPOLLIN | EPOLLOUT));
}

TEST_CASE("probe: a socket added before its connect reports OUT and HUP at once", "[probe]") {
  const fd_baseline descriptors;
  const listening_socket listener = listen_tcp();
  const auto early = make_socket(AF_INET);
  epoll_set set;
  set.add(early.fd.get(), all_edges);
  CHECK(set.now() == (EPOLLOUT | EPOLLHUP));
}

TEST_CASE("probe: a connect to a full unix backlog is EAGAIN and never completes", "[probe]") {
  const fd_baseline descriptors;
  const listening_socket listener = listen_unix(1);
  std::vector<unique_fd> clients;
  int error = 0;
  while (error == 0 && clients.size() < 64) {
    clients.push_back(std::move(make_socket(AF_UNIX).fd));
    error = sluice::sys::connect(clients.back().get(), listener.address);
  }
  REQUIRE(error == EAGAIN);
  const unique_fd refused = std::move(clients.back());
  clients.pop_back();

  for (std::size_t i = 0; i < clients.size(); ++i) accept_from(listener.fd.get());
  sluice::sys::socket_address nobody;
  CHECK(sluice::sys::accept(listener.fd.get(), nobody).error == EAGAIN);
  CHECK(sluice::sys::peer_address(refused.get()).family() == AF_UNSPEC);
  CHECK(sluice::sys::connect(refused.get(), listener.address) == 0);
}

TEST_CASE("probe: SO_REUSEPORT does not let two unix sockets share an address", "[probe]") {
  const fd_baseline descriptors;
  const auto first = make_socket(AF_UNIX);
  const auto second = make_socket(AF_UNIX);
  const auto address =
      *sluice::sys::socket_address::from_unix_abstract("sluice-reuseport-" + std::to_string(::getpid()));
  const int refused = sluice::sys::set_option(first.fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  CHECK((refused == 0 || refused == EOPNOTSUPP));
  sluice::sys::set_option(second.fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  CHECK(sluice::sys::bind(first.fd.get(), address) == 0);
  CHECK(sluice::sys::bind(second.fd.get(), address) == EADDRINUSE);
}

TEST_CASE("probe: a closed listener resets the connections in its queue", "[probe]") {
  const fd_baseline descriptors;
  listening_socket listener = listen_tcp();
  const unique_fd client = connect_to(listener.address);
  listener.fd.reset();
  CHECK_THROWS_AS(receive_exactly(client.get(), 1), std::system_error);
}

TEST_CASE("probe: a descriptor with a living dup goes on reporting after its close", "[probe]") {
  const fd_baseline descriptors;
  listening_socket listener = listen_tcp();
  const unique_fd living(::dup(listener.fd.get()));
  epoll_set set;
  set.add(listener.fd.get(), EPOLLIN);
  listener.fd.reset();
  const unique_fd client = connect_to(listener.address);
  CHECK(set.next() == EPOLLIN);
}
