#include <thread>
#include <vector>

#include "balance/drawn_policies.hpp"
#include "balance/latency_estimate.hpp"
#include "balance/stand_in_backends.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;
using namespace sluice::test;
using sluice::balance_policy;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr std::int64_t decay = 10 * second;
constexpr std::int64_t start = 1'000 * second;

bool is_near(double value, double wanted) { return value > wanted * 0.99 && value < wanted * 1.01; }

/// The share of picks that go to the second of two.
double share_of_second(policy& of, const stand_in_backends& from) {
  random_source chance(4);
  int second_ones = 0;
  for (int i = 0; i < 10'000; ++i) second_ones += of.pick({0, chance.next(), 0}, from) == 1 ? 1 : 0;
  return second_ones / 10'000.0;
}

}  // namespace

TEST_CASE("latency_estimate: nothing is known before the first measurement", "[balance][ewma]") {
  latency_estimate one;
  CHECK(one.at(start, decay) == 0);
  one.observe(0, start, decay);
  CHECK(one.at(start, decay) == 1);
  one.observe(2 * ms, start, decay);
  CHECK(is_near(one.at(start, decay), 2 * ms));
}

TEST_CASE("latency_estimate: a worse value counts at once, a better one by the time that has passed",
          "[balance][ewma]") {
  latency_estimate one;
  one.observe(1 * ms, start, decay);
  one.observe(9 * ms, start + 1 * ms, decay);
  CHECK(is_near(one.at(start + 1 * ms, decay), 9 * ms));
  one.observe(1 * ms, start + 1 * ms, decay);  // a moment later: as good as nothing
  CHECK(is_near(one.at(start + 1 * ms, decay), 9 * ms));
  // After one decay time an old value counts for 1/e, whether news came once or many times.
  latency_estimate often;
  often.observe(9 * ms, start, decay);
  for (int i = 1; i <= 1'000; ++i) often.observe(1 * ms, start + i * (decay / 1'000), decay);
  CHECK(is_near(often.at(start + decay, decay), 1 * ms + 8 * ms / 2.71828));
  latency_estimate once;
  once.observe(9 * ms, start, decay);
  once.observe(1 * ms, start + decay, decay);
  CHECK(is_near(once.at(start + decay, decay), 1 * ms + 8 * ms / 2.71828));
}

TEST_CASE("latency_estimate: without news it fades, and is never forgotten", "[balance][ewma]") {
  latency_estimate one;
  one.observe(100 * ms, start, decay);
  CHECK(is_near(one.at(start + decay, decay), 100 * ms / 2.71828));
  CHECK(one.at(start + 1'000'000 * second, decay) == 1);
  CHECK(one.at(start - 3 * second, decay) <= 100 * ms * 1.01);  // a turn that began before the measurement
}

TEST_CASE("latency_estimate: workers that measure at once leave one of their values", "[balance][ewma]") {
  latency_estimate one;
  std::vector<std::thread> workers;
  for (int i = 1; i <= 4; ++i)
    workers.emplace_back([&one, i] {
      for (int n = 0; n < 10'000; ++n) one.observe(i * ms, start, decay);
    });
  for (std::thread& worker : workers) worker.join();
  CHECK(is_near(one.at(start, decay), 4 * ms));
}

TEST_CASE("ewma: of two the faster is preferred, by as much as it is faster", "[balance][ewma]") {
  const auto made = policy_of({balance_policy::ewma, {}}, named_backends({1, 1}).all);
  stand_in_backends from(2);
  from.latency = {5.0 * ms, 1.0 * ms};
  CHECK(share_of_second(*made, from) > 0.98);
  from.sessions = {0, 3};  // 1 ms x 4 sessions
  CHECK(share_of_second(*made, from) > 0.98);
  from.sessions = {0, 5};  // 1 ms x 6
  CHECK(share_of_second(*made, from) < 0.02);
}

TEST_CASE("ewma: weights divide the cost", "[balance][ewma]") {
  const auto made = policy_of({balance_policy::ewma, {}}, named_backends({3, 1}).all);
  stand_in_backends from(2);
  from.latency = {2.0 * ms, 1.0 * ms};
  CHECK(share_of_second(*made, from) < 0.02);
  from.sessions = {5, 0};
  CHECK(share_of_second(*made, from) > 0.9);
}

TEST_CASE("ewma: one that was never measured gets one session, and more once it is known", "[balance][ewma]") {
  const auto made = policy_of({balance_policy::ewma, {}}, named_backends({1, 1}).all);
  stand_in_backends from(2);
  from.latency = {1.0 * ms, 0};
  from.sessions = {4, 0};
  CHECK(share_of_second(*made, from) > 0.98);
  from.sessions = {4, 1};
  CHECK(share_of_second(*made, from) < 0.02);
  from.latency[1] = 1.0 * ms;
  CHECK(share_of_second(*made, from) > 0.98);
}

TEST_CASE("ewma: a backend that was slow is left for a while and returns when it is fast again", "[balance][ewma]") {
  const auto made = policy_of({balance_policy::ewma, {}}, named_backends({1, 1}).all);
  stand_in_backends from(2);
  std::vector<latency_estimate> measured(2);
  random_source chance(6);
  // 100 sessions a second that end at once; the second backend takes 50 ms instead of 1 ms from second 10 to second 20.
  std::vector<int> share;
  for (int at = 0; at < 120; ++at) {
    int second_ones = 0;
    for (int i = 0; i < 100; ++i) {
      const std::int64_t now = start + at * second + i * 10 * ms;
      for (std::size_t b = 0; b < 2; ++b) from.latency[b] = measured[b].at(now, decay);
      const std::size_t picked = made->pick({now, chance.next(), 0}, from);
      const bool slow = picked == 1 && at >= 10 && at < 20;
      // What is measured is never twice the same.
      const auto jitter = static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(ms) / 5));
      measured[picked].observe((slow ? 50 * ms : 1 * ms) + jitter, now, decay);
      if (picked == 1) ++second_ones;
    }
    share.push_back(second_ones);
  }
  CAPTURE(share);
  const auto sum = [&](int from_second, int to_second) {
    int result = 0;
    for (int at = from_second; at < to_second; ++at) result += share[static_cast<std::size_t>(at)];
    return result;
  };
  CHECK(sum(0, 10) > 200);     // both are used
  CHECK(sum(11, 20) <= 20);    // of 900
  CHECK(sum(100, 120) > 400);  // of 2,000: it is back
}
