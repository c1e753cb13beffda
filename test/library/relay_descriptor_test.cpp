// What a relay does to the caller's descriptors, and what it does with wrong ones.
#include <fcntl.h>
#include <sys/socket.h>

#include <memory>

#include "sluice/relay.hpp"

#include "library/relay_ends.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/stream_peer.hpp"

namespace sluice::zero_copy::testing {

using sluice::close_reason;

namespace {

bool blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0);
  return value;
}

void end_both(const relay_ends& ends) {
  ::shutdown(ends.client.get(), SHUT_WR);
  ::shutdown(ends.backend.get(), SHUT_WR);
}

}  // namespace

TEST_CASE("library descriptors: borrowed ones stay open and are as they were, whatever mode they had",
          "[library][relay]") {
  for (const combination& pair : combinations()) {
    for (const auto mode : {support::io_mode::blocking, support::io_mode::non_blocking}) {
      CAPTURE(pair.name, static_cast<int>(mode));
      const support::fd_baseline descriptors;
      const relay_ends ends(pair.client, pair.backend, mode);
      const bool blocking = mode == support::io_mode::blocking;
      pipe_pool pool;
      for (const bool to_the_end : {false, true}) {
        relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
        for (const int fd : {ends.relayed_client.get(), ends.relayed_backend.get()}) {
          CHECK_FALSE(blocks(fd));
          CHECK(option(fd, SO_OOBINLINE) != 0);
        }
        CHECK(subject.step() == relay_status::waiting);
        if (!to_the_end) continue;  // destroyed while it waits
        end_both(ends);
        CHECK(subject.run().outcome == relay_outcome::ended);
        CHECK(blocks(ends.relayed_client.get()) == blocking);
      }
      for (const int fd : {ends.relayed_client.get(), ends.relayed_backend.get()}) {
        CHECK(blocks(fd) == blocking);
        CHECK(option(fd, SO_OOBINLINE) == 0);
        CHECK(option(fd, SO_RCVLOWAT) == 1);
      }
    }
  }
}

TEST_CASE("library descriptors: both peers see the end while borrowed descriptors are still open", "[library][relay]") {
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    const support::fd_baseline descriptors;
    const relay_ends ends(pair.client, pair.backend);
    auto running = run_aside(ends);
    end_both(ends);
    CHECK(running.get().outcome == relay_outcome::ended);
    CHECK(support::receive_until_eof(ends.client.get()).empty());
    CHECK(support::receive_until_eof(ends.backend.get()).empty());
    CHECK(is_open(ends.relayed_client.get()));
    CHECK(is_open(ends.relayed_backend.get()));
  }
}

TEST_CASE("library descriptors: owned ones are closed at the end", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_ends ends;
  pipe_pool pool;
  relay_options options;
  options.owns_descriptors = true;
  const int client = ends.relayed_client.release();
  const int backend = ends.relayed_backend.release();
  relay subject(pool, client, backend, options);
  end_both(ends);
  CHECK(subject.run().outcome == relay_outcome::ended);
  CHECK_FALSE(is_open(client));
  CHECK_FALSE(is_open(backend));
  CHECK(support::receive_stream(ends.client.get(), 1).end == support::stream_end::eof);
}

TEST_CASE("library descriptors: a relay that owns them and dies before its end resets both peers", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_ends ends;
  pipe_pool pool;
  relay_options options;
  options.owns_descriptors = true;
  { const relay subject(pool, ends.relayed_client.release(), ends.relayed_backend.release(), options); }
  CHECK(support::receive_stream(ends.client.get(), 1).end == support::stream_end::reset);
  CHECK(support::receive_stream(ends.backend.get(), 1).end == support::stream_end::reset);
}

TEST_CASE("library descriptors: a relay that dies with bytes in a pipe keeps none", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends(family::unix_stream, family::unix_stream);
  pipe_pool pool;
  {
    relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
    poll_loop loop(subject);
    CHECK(loop.turn_until([&] {
      support::send_until_full(ends.client.get());
      return subject.result().client_to_backend.received > subject.result().client_to_backend.delivered;
    }));
    CHECK(pool.counts().in_use == 1);
  }
  CHECK(pool.counts().in_use == 0);
  CHECK(pool.counts().dirty == 1);
}

TEST_CASE("library descriptors: what can't be relayed is told as an error, and left alone", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  const int good = ends.relayed_client.get();
  const pipe no_socket(0);
  int datagrams[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams) == 0);
  const sluice::sys::unique_fd first(datagrams[0]);
  const sluice::sys::unique_fd second(datagrams[1]);
  const support::listening_socket listener = support::listen_tcp();
  struct wrong {
    int fd;
    std::errc error;
  };
  for (const auto& [fd, error] :
       {wrong{-1, std::errc::bad_file_descriptor}, wrong{1'000'000, std::errc::bad_file_descriptor},
        wrong{no_socket.read_end(), std::errc::not_a_socket}, wrong{first.get(), std::errc::wrong_protocol_type},
        wrong{listener.fd.get(), std::errc::not_connected}, wrong{good, std::errc::invalid_argument}}) {
    CAPTURE(fd);
    for (const bool wrong_first : {false, true}) {
      const relay_result result = wrong_first ? relay_until_end(fd, good) : relay_until_end(good, fd);
      CHECK(result.outcome == relay_outcome::ended);
      CHECK(result.reason == close_reason::relay_error);
      CHECK(result.error == error);
      CHECK(blocks(good));
    }
  }
}

TEST_CASE("library descriptors: owned ones are closed also if one of them is wrong", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_ends ends;
  relay_options options;
  options.owns_descriptors = true;
  CHECK(relay_until_end(ends.relayed_client.release(), -1, options).error == std::errc::bad_file_descriptor);
  pipe_pool pool;
  const relay never_run(pool, -1, ends.relayed_backend.release(), options);
}

}  // namespace sluice::zero_copy::testing
