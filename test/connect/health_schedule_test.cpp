#include "connect/health_schedule.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace sluice::connect;

namespace {

constexpr std::int64_t ms = 1'000'000;

/// Runs checks that take `takes` and come again an interval after their start, until `end`: when each began.
std::vector<std::int64_t> starts(check_schedule& schedule, std::int64_t interval, std::uint32_t jitter,
                                 std::int64_t takes, std::int64_t end) {
  std::vector<std::int64_t> result;
  std::multimap<std::int64_t, std::pair<check_schedule::id, std::int64_t>> ends;
  std::mt19937_64 random(7);
  for (std::int64_t now = 0; now <= end;) {
    while (!ends.empty() && ends.begin()->first <= now) {
      const auto [which, began] = ends.begin()->second;
      ends.erase(ends.begin());
      schedule.finish(which, began + jittered(interval, jitter, random()));
    }
    while (const auto which = schedule.start(now)) {
      result.push_back(now);
      ends.emplace(now + takes, std::pair{*which, now});
    }
    std::int64_t next = schedule.next_ns();
    if (!ends.empty()) next = std::min(next, ends.begin()->first);
    now = std::max(next, now + 1);
  }
  return result;
}

/// The most starts in any window of 10 ms.
std::size_t densest(const std::vector<std::int64_t>& at) {
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < at.size(); ++last) {
    while (at[last] - at[first] >= 10 * ms) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

}  // namespace

// FAULTS.md B6.
TEST_CASE("schedule: 500 checks a second never start more than 20 at a time within 10 ms", "[connect][health][B6]") {
  const std::uint32_t jitter = GENERATE(0U, 10U, 50U);
  CAPTURE(jitter);
  check_schedule schedule(500);
  for (check_schedule::id one = 1; one <= 500; ++one) schedule.file(one, 0);
  const std::vector<std::int64_t> at = starts(schedule, 1'000 * ms, jitter, 3 * ms, 60'000 * ms);
  CHECK(densest(at) == 20);  // the first round takes all it may
  CHECK(at.size() >= 500 * 58);
  CHECK(at.size() <= 500 * 62);
}

TEST_CASE("schedule: no more run at a time than the budget, and those that waited come in their order",
          "[connect][health]") {
  check_schedule schedule(2);
  schedule.file(1, 10);
  schedule.file(2, 5);
  schedule.file(3, 7);
  CHECK(schedule.next_ns() == 5);
  CHECK(!schedule.start(4));
  CHECK(schedule.start(20) == 2U);
  CHECK(schedule.start(20) == 3U);
  CHECK(!schedule.start(20));
  CHECK(schedule.next_ns() == check_schedule::never);
  schedule.finish(2, 25);
  CHECK(schedule.start(30) == 1U);
  schedule.finish(3, 1'000);
  CHECK(schedule.start(30) == 2U);
  CHECK(schedule.running() == 2);
}

TEST_CASE("schedule: a check that was removed does not come back, even if it ran meanwhile", "[connect][health]") {
  check_schedule schedule(2);
  schedule.file(1, 0);
  schedule.file(2, 0);
  CHECK(schedule.start(0) == 1U);
  schedule.remove(1);
  schedule.remove(2);
  schedule.finish(1, 5);
  CHECK(schedule.running() == 0);
  CHECK(schedule.next_ns() == check_schedule::never);
  schedule.file(2, 9);
  schedule.file(2, 3);
  CHECK(schedule.next_ns() == 3);
}

TEST_CASE("schedule: jitter stays within its percent and reaches both ends", "[connect][health]") {
  CHECK(jittered(1'000, 0, 12'345) == 1'000);
  CHECK(jittered(1'000, 10, 0) == 900);
  CHECK(jittered(1'000, 10, 200) == 1'100);
  CHECK(jittered(1'000, 10, 201) == 900);
}
