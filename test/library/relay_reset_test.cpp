// Resets: who was reset is told, what was sent before is delivered, and the other peer does not take it for an end.
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

#include "sluice/relay.hpp"

#include "library/relay_ends.hpp"
#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/stream_peer.hpp"

namespace sluice::zero_copy::testing {

using sluice::close_reason;

TEST_CASE("library reset: bytes before it are delivered, then closing resets the other peer", "[library][relay]") {
  const support::fd_baseline descriptors;
  for (const bool owns : {false, true}) {
    CAPTURE(owns);
    relay_ends ends;
    relay_options options;
    options.owns_descriptors = owns;
    support::send_stream(ends.client.get(), 1, 100'000);
    support::wait_unread(ends.relayed_client.get(), 100'000);
    support::reset(std::move(ends.client));
    auto running = run_aside(ends, options);
    if (owns) {
      ends.relayed_client.release();
      ends.relayed_backend.release();
    }
    const relay_result result = running.get();
    CHECK(result.outcome == relay_outcome::ended);
    CHECK(result.reason == close_reason::client_reset);
    CHECK(result.error == std::errc::connection_reset);
    CHECK(result.client_to_backend.delivered == 100'000);
    CHECK_FALSE(result.client_to_backend.finished);
    if (!owns) {
      // The caller's, open and not shut.
      CHECK_FALSE(support::was_reset(ends.backend.get()));
      ends.relayed_backend.reset();
    }
    const support::stream_received got = support::receive_stream(ends.backend.get(), 1);
    CHECK(got.bytes == 100'000);
    CHECK(got.end == support::stream_end::reset);
  }
}

TEST_CASE("library reset: a backend that resets while the client sends is named", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_ends ends;
  auto running = run_aside(ends);
  support::send_all(ends.client.get(), "hello");
  CHECK(support::receive_text(ends.backend.get(), 5) == "hello");
  support::reset(std::move(ends.backend));
  const relay_result result = running.get();
  CHECK(result.reason == close_reason::backend_reset);
  CHECK(result.error);
  CHECK(result.client_to_backend.delivered == 5);
}

TEST_CASE("library reset: a reset behind a forwarded end of file is seen by the one who waits", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_ends ends;
  auto running = run_aside(ends);
  ::shutdown(ends.client.get(), SHUT_WR);
  CHECK(support::receive_until_eof(ends.backend.get()).empty());
  support::reset(std::move(ends.client));
  const relay_result result = running.get();
  CHECK(result.outcome == relay_outcome::ended);
  CHECK(result.reason == close_reason::client_reset);
  // Behind an end of file a reset is EPIPE (net/ipv4/tcp_input.c, tcp_reset).
  CHECK(result.error == std::errc::broken_pipe);
  CHECK(result.client_to_backend.finished);
  ends.relayed_backend.reset();
  CHECK(support::wait_until([&] { return support::was_reset(ends.backend.get()); }));
}

TEST_CASE("library reset: a peer that closes without reading does not kill the program by SIGPIPE",
          "[library][relay]") {
  const support::fd_baseline descriptors;
  // SIGPIPE has its default action here, which is to kill this program.
  struct sigaction before {};
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  REQUIRE(::sigaction(SIGPIPE, &usual, &before) == 0);
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    for (const bool blocking : {false, true}) {
      relay_ends ends(pair.client, pair.backend);
      pipe_pool pool;
      relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
      ends.backend.reset();
      support::send_all(ends.client.get(), "nobody reads this");
      relay_result result;
      if (blocking) {
        // TCP learns of it by the answer to what it has sent.
        auto running = std::async(std::launch::async, [&] { return subject.run(); });
        ::send(ends.client.get(), "nor this", 8, MSG_NOSIGNAL);
        ::shutdown(ends.client.get(), SHUT_WR);
        result = running.get();
      } else {
        poll_loop loop(subject);
        CHECK(loop.turn_until([&] {
          ::send(ends.client.get(), "nor this", 8, MSG_NOSIGNAL);
          return loop.ended();
        }));
        result = subject.result();
        CHECK(result.error);
      }
      CHECK(result.outcome == relay_outcome::ended);
      sigset_t pending;
      REQUIRE(::sigpending(&pending) == 0);
      CHECK(::sigismember(&pending, SIGPIPE) == 0);
      sigset_t mask;
      REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
      CHECK(::sigismember(&mask, SIGPIPE) == 0);
    }
  }
  REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
}

}  // namespace sluice::zero_copy::testing
