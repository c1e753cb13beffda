#include "sys/poll.hpp"

#include <array>
#include <chrono>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/signal_storm.hpp"

using namespace sluice;

TEST_CASE("poll: tells what is there, passes over negative descriptors, waits no longer than asked", "[sys][poll]") {
  const support::fd_baseline descriptors;
  const support::socket_pair pair = support::unix_pair();
  std::array<pollfd, 2> both{{{pair.second.get(), POLLIN, 0}, {-1, POLLIN, 0}}};
  CHECK(sys::poll(both, 0) == 0);
  const auto before = std::chrono::steady_clock::now();
  CHECK(sys::poll(both, 3'000'000) == 0);
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(3));
  support::send_all(pair.first.get(), "x");
  CHECK(sys::poll(both, -1) == 1);
  CHECK(both[0].revents == POLLIN);
  CHECK(both[1].revents == 0);
}

TEST_CASE("poll: a signal ends the wait with nothing told", "[sys][poll]") {
  const support::signal_storm storm(std::chrono::milliseconds(1));
  pollfd none{-1, POLLIN, POLLIN};
  CHECK(sys::poll(std::span(&none, 1), -1) == 0);
  CHECK(none.revents == 0);
  CHECK(storm.signals() > 0);
}

TEST_CASE("wake flag: stays raised", "[sys][poll]") {
  const support::fd_baseline descriptors;
  const sys::wake_flag flag;
  REQUIRE(flag.fd() >= 0);
  pollfd one{flag.fd(), POLLIN, 0};
  CHECK(sys::poll(std::span(&one, 1), 0) == 0);
  flag.raise();
  for (int i = 0; i < 2; ++i) CHECK(sys::poll(std::span(&one, 1), 0) == 1);
}
