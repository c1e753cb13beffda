#include "support/fault_relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"
#include "sys/socket_address.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

/// A relay with both ends of a connection through it.
struct relayed {
  explicit relayed(const fault_relay_settings& settings) : listener(listen_tcp()), relay(listener.address, settings) {
    connect();
  }
  void connect() {
    client = connect_to(relay.socket_address());
    target = accept_from(listener.fd.get());
  }

  listening_socket listener;
  fault_relay relay;
  unique_fd client;
  unique_fd target;
};

/// How a connection ended: 0 for an end of file, else errno.
int end_of(int fd) {
  char bytes[4096];
  while (wait_readable(fd)) {
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) return 0;
    if (n < 0 && errno != EAGAIN) return errno;
  }
  return ETIMEDOUT;
}

milliseconds since(clock_type::time_point begun) {
  return std::chrono::duration_cast<milliseconds>(clock_type::now() - begun);
}

}  // namespace

TEST_CASE("fault relay: without faults bytes, half-closes and resets pass as they come", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({});
  const auto there = byte_stream(1).bytes(0, 3'000'000);
  const auto back = byte_stream(2).bytes(0, 2'000'000);
  SECTION("both streams, and each end of file") {
    auto sending = std::async(std::launch::async, [&] {
      send_all(through.client.get(), there);
      ::shutdown(through.client.get(), SHUT_WR);
    });
    CHECK(receive_until_eof(through.target.get()) == there);
    sending.get();
    auto answering = std::async(std::launch::async, [&] {
      send_all(through.target.get(), back);
      ::shutdown(through.target.get(), SHUT_WR);
    });
    CHECK(receive_until_eof(through.client.get()) == back);
    answering.get();
    CHECK(wait_until([&] { return through.relay.open() == 0; }));
  }
  SECTION("a reset of the client behind its bytes") {
    send_all(through.client.get(), "last words");
    CHECK(receive_text(through.target.get(), 10) == "last words");
    reset(std::move(through.client));
    CHECK(end_of(through.target.get()) == ECONNRESET);
  }
  SECTION("a reset of the target") {
    reset(std::move(through.target));
    CHECK(end_of(through.client.get()) == ECONNRESET);
  }
  SECTION("a target that nobody listens at") {
    const listening_socket nobody = closed_port();
    fault_relay relay(nobody.address, {});
    int end = 0;
    try {
      end = end_of(connect_to(relay.socket_address()).get());
    } catch (const std::system_error& at_once) {  // reset before connect_to() looked
      end = at_once.code().value();
    }
    CHECK(end == ECONNRESET);
  }
}

TEST_CASE("fault relay: one direction's latency and jitter are its own, and keep the order", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_client = {.latency = milliseconds(60), .jitter = milliseconds(40)}});
  const auto begun = clock_type::now();
  send_all(through.client.get(), "ask");
  CHECK(receive_text(through.target.get(), 3) == "ask");
  for (int i = 0; i < 20; ++i) {
    send_all(through.target.get(), std::string(1, static_cast<char>('a' + i)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  CHECK(receive_text(through.client.get(), 20) == "abcdefghijklmnopqrst");
  CHECK(since(begun) >= milliseconds(60));
}

TEST_CASE("fault relay: a rate is kept", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_target = {.bytes_per_second = 1'000'000}});
  const auto begun = clock_type::now();
  auto sending =
      std::async(std::launch::async, [&] { send_all(through.client.get(), byte_stream(3).bytes(0, 300'000)); });
  CHECK(receive_exactly(through.target.get(), 300'000) == byte_stream(3).bytes(0, 300'000));
  sending.get();
  CHECK(since(begun) >= milliseconds(200));
}

TEST_CASE("fault relay: slices are no larger than asked for", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_target = {.slice_bytes = 7, .slice_gap = std::chrono::microseconds(2'000)}});
  const auto begun = clock_type::now();
  send_all(through.client.get(), byte_stream(4).bytes(0, 100));
  wait_readable(through.target.get());
  CHECK(receive_exactly(through.target.get(), 100) == byte_stream(4).bytes(0, 100));
  CHECK(since(begun) >= milliseconds(20));  // fourteen gaps
}

TEST_CASE("fault relay: into a black hole go bytes, ends of file and resets, and nothing comes out",
          "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_target = {.black_hole_after = 5}});
  send_all(through.client.get(), "0123456789");
  CHECK(receive_text(through.target.get(), 5) == "01234");
  send_all(through.target.get(), "still here");
  CHECK(receive_text(through.client.get(), 10) == "still here");
  const bool by_reset = GENERATE(true, false);
  if (by_reset) {
    reset(std::move(through.client));
  } else {
    ::shutdown(through.client.get(), SHUT_WR);
  }
  CHECK_FALSE(wait_readable(through.target.get(), milliseconds(100)));
  send_all(through.target.get(), "hello?");
  ::shutdown(through.target.get(), SHUT_WR);
  CHECK_FALSE(wait_readable(through.target.get(), milliseconds(50)));
  // Whoever waits can end it.
  reset(std::move(through.target));
  CHECK(wait_until([&] { return through.relay.open() == 0; }));
}

TEST_CASE("fault relay: a slow close holds back the end of file alone", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_target = {.slow_close = milliseconds(80)}});
  const auto begun = clock_type::now();
  send_all(through.client.get(), "bye");
  ::shutdown(through.client.get(), SHUT_WR);
  CHECK(receive_text(through.target.get(), 3) == "bye");
  CHECK(receive_until_eof(through.target.get()).empty());
  CHECK(since(begun) >= milliseconds(80));
}

TEST_CASE("fault relay: after so many bytes it resets, or closes", "[support][fault_relay]") {
  const fd_baseline descriptors;
  const bool by_reset = GENERATE(true, false);
  const std::uint64_t after = GENERATE(0U, 1U, 70'000U);
  fault_relay_settings settings;
  (by_reset ? settings.to_client.reset_after : settings.to_client.cut_after) = after;
  relayed through(settings);
  std::vector<std::byte> got;
  int error = 0;
  auto sending = std::async(std::launch::async, [&] {
    try {
      send_all(through.target.get(), byte_stream(5).bytes(0, 100'000));
    } catch (const std::exception&) {
    }
  });
  while (wait_readable(through.client.get())) {
    std::vector<std::byte> piece(4'096);
    const ssize_t n = ::recv(through.client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) continue;
    error = n < 0 ? errno : 0;
    if (n <= 0) break;
    got.insert(got.end(), piece.begin(), piece.begin() + n);
  }
  sending.get();
  CHECK(error == (by_reset ? ECONNRESET : 0));
  // A reset throws away what the client has not read yet.
  CHECK(got.size() <= after);
  if (!by_reset) CHECK(got == byte_stream(5).bytes(0, after));
}

TEST_CASE("fault relay: chance is the seed's, and hits the share asked for", "[support][fault_relay]") {
  const fd_baseline descriptors;
  const auto hits = [](std::uint64_t seed) {
    const fault_relay_settings settings{.to_client = {.reset_after = 0, .probability = 0.3}, .seed = seed};
    const listening_socket listener = listen_tcp();
    fault_relay relay(listener.address, settings);
    std::string result;
    for (int i = 0; i < 60; ++i) {
      const unique_fd client = connect_to(relay.socket_address());
      const unique_fd target = accept_from(listener.fd.get());
      ::shutdown(client.get(), SHUT_WR);
      ::shutdown(target.get(), SHUT_WR);
      result += end_of(client.get()) == 0 ? '.' : 'x';
    }
    return result;
  };
  const std::string first = hits(1);
  CHECK(first == hits(1));
  CHECK(first != hits(2));
  const auto n = std::count(first.begin(), first.end(), 'x');
  CHECK(n > 5);
  CHECK(n < 35);
}

TEST_CASE("fault relay: what it carried is told, with the address the client keeps", "[support][fault_relay]") {
  const fd_baseline descriptors;
  std::mutex mutex;
  std::optional<carried> told;
  const listening_socket listener = listen_tcp();
  fault_relay relay(listener.address, {.keeps_client_address = true, .on_end = [&](const carried& one) {
                                         const std::lock_guard held(mutex);
                                         told = one;
                                       }});
  unique_fd client = connect_from(*sluice::sys::socket_address::from_literal("127.3.2.1", 0), relay.socket_address());
  unique_fd target = accept_from(listener.fd.get());
  CHECK(to_string(sluice::sys::peer_address(target.get())).starts_with("127.3.2.1:"));
  send_all(client.get(), "four");
  CHECK(receive_text(target.get(), 4) == "four");
  send_all(target.get(), "seven!!");
  CHECK(receive_text(client.get(), 7) == "seven!!");
  const bool by_reset = GENERATE(true, false);
  if (by_reset) {
    reset(std::move(client));
  } else {
    ::shutdown(client.get(), SHUT_WR);
    CHECK(receive_until_eof(target.get()).empty());
    ::shutdown(target.get(), SHUT_WR);
  }
  CHECK(wait_until([&] {
    const std::lock_guard held(mutex);
    return told.has_value();
  }));
  CHECK(told->client.starts_with("127.3.2.1:"));
  CHECK(told->to_target == 4);
  CHECK(told->to_client == 7);
  CHECK(told->client_first);
  CHECK(told->cut == by_reset);
}

TEST_CASE("fault relay: a planted bug changes what passes", "[support][fault_relay]") {
  const fd_baseline descriptors;
  relayed through({.to_target = {.tamper = [](std::vector<std::byte>& piece, std::uint64_t position) {
                     if (position == 0) piece[2] = std::byte{'?'};
                   }}});
  send_all(through.client.get(), "abcdef");
  CHECK(receive_text(through.target.get(), 6) == "ab?def");
  SECTION("and a hidden reset is an end of file") {
    relayed hiding({.hides_resets = true});
    reset(std::move(hiding.client));
    CHECK(end_of(hiding.target.get()) == 0);
  }
}
