// The relay that blocks its caller.
#include <sys/socket.h>

#include <future>
#include <stop_token>
#include <thread>

#include "sluice/relay.hpp"

#include "library/relay_ends.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/signal_storm.hpp"
#include "support/stream_peer.hpp"
#include "support/wait.hpp"

namespace sluice::zero_copy::testing {

using sluice::close_reason;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

/// Sends n bytes of the stream and the end of file.
void send_to_end(int fd, std::uint64_t seed, std::uint64_t n) {
  support::send_stream(fd, seed, n);
  ::shutdown(fd, SHUT_WR);
}

std::future<support::stream_received> receive_aside(int fd, std::uint64_t seed) {
  return std::async(std::launch::async, [=] { return support::receive_stream(fd, seed); });
}

/// Client and backend send at once, both end their streams, and every byte is compared.
void exchange(const relay_ends& ends, std::uint64_t up, std::uint64_t down) {
  auto at_backend = receive_aside(ends.backend.get(), 1);
  auto at_client = receive_aside(ends.client.get(), 2);
  auto from_backend = std::async(std::launch::async, [&] { send_to_end(ends.backend.get(), 2, down); });
  send_to_end(ends.client.get(), 1, up);
  from_backend.get();
  const support::stream_received upward = at_backend.get();
  const support::stream_received downward = at_client.get();
  CHECK(upward.bytes == up);
  CHECK(upward.end == support::stream_end::eof);
  CHECK(downward.bytes == down);
  CHECK(downward.end == support::stream_end::eof);
}

}  // namespace

TEST_CASE("library run: 64 MiB up and 16 MiB down come whole over every pair of families, all spliced",
          "[library][relay]") {
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    const support::fd_baseline descriptors;
    const relay_ends ends(pair.client, pair.backend);
    auto running = run_aside(ends);
    exchange(ends, 64 * mib, 16 * mib);
    const relay_result result = running.get();
    CHECK(result.outcome == relay_outcome::ended);
    CHECK((result.reason == close_reason::client_fin || result.reason == close_reason::backend_fin));
    CHECK_FALSE(result.error);
    CHECK(result.client_to_backend.received == 64 * mib);
    CHECK(result.client_to_backend.delivered == 64 * mib);
    CHECK(result.client_to_backend.copied == 0);
    CHECK(result.client_to_backend.finished);
    CHECK(result.backend_to_client.delivered == 16 * mib);
    CHECK(result.backend_to_client.copied == 0);
    CHECK(result.backend_to_client.finished);
    for (const std::uint64_t n : result.fallbacks) CHECK(n == 0);
  }
}

TEST_CASE("library run: after one end has finished the other direction goes on", "[library][relay]") {
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    const support::fd_baseline descriptors;
    const relay_ends ends(pair.client, pair.backend);
    auto running = run_aside(ends);
    send_to_end(ends.client.get(), 1, 100);
    const support::stream_received question = support::receive_stream(ends.backend.get(), 1);
    CHECK(question.bytes == 100);
    CHECK(question.end == support::stream_end::eof);
    // Only now, with the client's direction over, does the answer begin.
    auto at_client = receive_aside(ends.client.get(), 2);
    send_to_end(ends.backend.get(), 2, 3 * mib);
    const support::stream_received answer = at_client.get();
    CHECK(answer.bytes == 3 * mib);
    // The sockets are still open: it was the relay that told the end, not their closing.
    CHECK(answer.end == support::stream_end::eof);
    const relay_result result = running.get();
    CHECK(result.reason == close_reason::client_fin);
    CHECK(result.backend_to_client.delivered == 3 * mib);
  }
}

TEST_CASE("library run: signals do not end it", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  std::future<relay_result> running;
  std::uint64_t signals = 0;
  {
    const support::signal_storm storm(std::chrono::microseconds(500));
    running = run_aside(ends);  // alone in the storm
    const support::storm_shelter shelter;
    exchange(ends, 16 * mib, 16 * mib);
    CHECK(support::wait_until([&] { return storm.signals() > 10; }));
    signals = storm.signals();
  }
  CHECK(running.get().reason != close_reason::relay_error);
  CHECK(signals > 10);
}

TEST_CASE("library run: a stop token ends the wait, and the relay can be run on", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  pipe_pool pool;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
  std::stop_source stopper;
  auto running = std::async(std::launch::async, [&] { return subject.run(stopper.get_token()); });
  support::send_all(ends.client.get(), "first");
  CHECK(support::receive_text(ends.backend.get(), 5) == "first");
  stopper.request_stop();
  const relay_result stopped = running.get();
  CHECK(stopped.outcome == relay_outcome::stopped);
  CHECK(stopped.client_to_backend.delivered == 5);

  support::send_all(ends.client.get(), "second");
  ::shutdown(ends.client.get(), SHUT_WR);
  ::shutdown(ends.backend.get(), SHUT_WR);
  const relay_result ended = subject.run();
  CHECK(ended.outcome == relay_outcome::ended);
  CHECK(ended.client_to_backend.delivered == 11);
  CHECK(support::receive_text(ends.backend.get(), 6) == "second");
  CHECK(subject.run().outcome == relay_outcome::ended);
}

TEST_CASE("library run: a token that has asked already, and a deadline that is past, return at once",
          "[library][relay]") {
  const relay_ends ends;
  std::stop_source stopper;
  stopper.request_stop();
  const int client = ends.relayed_client.get();
  const int backend = ends.relayed_backend.get();
  CHECK(relay_until_end(client, backend, {}, stopper.get_token()).outcome == relay_outcome::stopped);
  CHECK(relay_until_end(client, backend, {}, {}, relay_clock::now()).outcome == relay_outcome::out_of_time);
  const auto soon = relay_clock::now() + std::chrono::milliseconds(20);
  CHECK(relay_until_end(client, backend, {}, {}, soon).outcome == relay_outcome::out_of_time);
  CHECK(relay_clock::now() >= soon);
}

TEST_CASE("library run: idle and half-closed relays end when their time is over", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_options options;
  options.idle = std::chrono::milliseconds(30);
  options.half_close = std::chrono::milliseconds(40);
  const relay_ends idle;
  CHECK(run_aside(idle, options).get().reason == close_reason::idle_timeout);
  const relay_ends half_closed;
  ::shutdown(half_closed.client.get(), SHUT_WR);
  CHECK(run_aside(half_closed, options).get().reason == close_reason::half_close_timeout);
}

TEST_CASE("library run: an idle relay holds no pipe", "[library][relay]") {
  const support::fd_baseline descriptors;
  const relay_ends ends;
  pipe_pool pool;
  relay subject(pool, ends.relayed_client.get(), ends.relayed_backend.get());
  auto running = std::async(std::launch::async, [&] { return subject.run(); });
  support::send_all(ends.client.get(), "a byte or two");
  CHECK(support::receive_text(ends.backend.get(), 13) == "a byte or two");
  CHECK(support::wait_until([&] {
    const auto counts = pool.counts();
    return counts.cached == 0 && counts.in_use == 0 && counts.pages == 0;
  }));
  ::shutdown(ends.client.get(), SHUT_WR);
  ::shutdown(ends.backend.get(), SHUT_WR);
  CHECK(running.get().outcome == relay_outcome::ended);
}

}  // namespace sluice::zero_copy::testing
