#include "balance/retry_budget.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using sluice::balance::retry_budget;

namespace {

constexpr std::int64_t second = 1'000'000'000;

int take_all(retry_budget& from, std::int64_t now, std::uint64_t sessions = 0) {
  int taken = 0;
  while (from.take(now, sessions)) {
    ++taken;
    sessions = 0;
  }
  return taken;
}

}  // namespace

TEST_CASE("retry_budget: it starts with a thousand and gains a hundred a second", "[balance][retry_budget]") {
  retry_budget budget(20);
  CHECK(take_all(budget, 5 * second) == 1'000);
  CHECK(take_all(budget, 5 * second) == 0);
  CHECK(take_all(budget, 6 * second) == 100);
  CHECK(take_all(budget, 6 * second + second / 2) == 50);
  CHECK(take_all(budget, 60 * second) == 1'000);
}

TEST_CASE("retry_budget: asking often loses nothing of the floor", "[balance][retry_budget]") {
  retry_budget budget(0);
  take_all(budget, second);
  int taken = 0;
  for (std::int64_t now = second; now <= 2 * second; now += 5'000) taken += budget.take(now, 0) ? 1 : 0;
  CHECK(taken >= 98);
  CHECK(taken <= 100);
}

TEST_CASE("retry_budget: sessions bring their share", "[balance][retry_budget]") {
  retry_budget budget(20);
  take_all(budget, second);
  CHECK(take_all(budget, second, 1'000) == 200);
  CHECK(take_all(budget, second, 5) == 1);
  CHECK(take_all(budget, second, 1) == 0);
  for (int i = 0; i < 4; ++i) CHECK(budget.take(second, 1) == (i == 3));
}

TEST_CASE("retry_budget: workers that take at once take no more than there is", "[balance][retry_budget]") {
  retry_budget budget(20);
  std::atomic<int> taken{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) workers.emplace_back([&] { taken += take_all(budget, second); });
  for (std::thread& one : workers) one.join();
  CHECK(taken == 1'000);
}
