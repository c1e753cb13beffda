#include "balance/token_clock.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace sluice::balance {
namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t second = 1'000 * millisecond;

}  // namespace

TEST_CASE("token_clock: gives one at its begin and then one an interval, never sooner", "[balance][token_clock]") {
  token_clock clock(4, 7 * second);
  CHECK_FALSE(clock.take(7 * second - 1));
  for (int i = 0; i < 10; ++i) {
    const std::int64_t due = 7 * second + i * 250 * millisecond;
    CHECK(clock.next() == due);
    CHECK_FALSE(clock.take(due - 1));
    CHECK(clock.take(due));
    CHECK_FALSE(clock.take(due));
  }
}

TEST_CASE("token_clock: who looks late catches up, but a long sleep is no reason for a burst",
          "[balance][token_clock]") {
  token_clock clock(1'000, 0);
  int taken = 0;
  for (std::int64_t now = 0; now < second; now += 7 * millisecond)
    while (clock.take(now)) ++taken;
  CHECK(taken == 995);  // the last look is at 994 ms
  int burst = 0;
  while (clock.take(100 * second)) ++burst;
  CHECK(burst == 101);
}

TEST_CASE("token_clock: a rate that does not divide a second is never exceeded", "[balance][token_clock]") {
  for (const std::uint32_t rate : {3U, 7U, 999U}) {
    token_clock clock(rate, 0);
    std::uint32_t taken = 0;
    for (std::int64_t now = 0; now < 10 * second; now += millisecond)
      if (clock.take(now)) ++taken;
    CHECK(taken <= 10 * rate + 1);
    CHECK(taken >= 10 * rate - 1);
  }
}

TEST_CASE("token_clock: a rate of 0 is no limit", "[balance][token_clock]") {
  token_clock clock(0, second);
  CHECK_FALSE(clock.take(second - 1));
  for (int i = 0; i < 1'000; ++i) CHECK(clock.take(second));
}

TEST_CASE("token_clock: threads share the rate", "[balance][token_clock]") {
  token_clock clock(1'000, 0);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::int64_t now = 0; now < second; now += millisecond / 2)
        if (clock.take(now)) ++taken;
    });
  }
  for (std::thread& one : threads) one.join();
  CHECK(taken <= 1'000);
  CHECK(taken >= 900);  // whoever runs alone to the end takes all of its own
}

}  // namespace sluice::balance
