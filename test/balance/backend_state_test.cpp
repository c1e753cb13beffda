#include "balance/backend_state.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using sluice::balance::backend_state;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t start = 5'000 * ms;

/// Milliseconds that the backend rests from `now_ns` on, in steps of 1 ms.
std::int64_t rest_ms(const backend_state& state, std::int64_t now_ns) {
  std::int64_t elapsed = 0;
  while (elapsed < 60'000 && state.resting(now_ns + elapsed * ms)) ++elapsed;
  return elapsed;
}

}  // namespace

TEST_CASE("backend_state: a new backend does not rest", "[balance][backend_state]") {
  const backend_state state;
  CHECK_FALSE(state.resting(0));
  CHECK_FALSE(state.resting(start));
  CHECK(state.active() == 0);
  CHECK(state.connect_failures() == 0);
}

TEST_CASE("backend_state: each further failure doubles the rest, up to ten seconds", "[balance][backend_state]") {
  backend_state state;
  std::int64_t now = start;
  for (const std::int64_t expected : {100, 200, 400, 800, 1'600, 3'200, 6'400, 10'000, 10'000, 10'000}) {
    state.connect_failed(now);
    CHECK(rest_ms(state, now) == expected);
    now += expected * ms;
    CHECK_FALSE(state.resting(now));
  }
  CHECK(state.connect_failures() == 10);
}

TEST_CASE("backend_state: failures of connects begun before the rest do not lengthen it", "[balance][backend_state]") {
  backend_state state;
  for (std::int64_t i = 0; i < 100; ++i) state.connect_failed(start + i * ms / 2);
  CHECK(rest_ms(state, start) == 100);
  CHECK(state.connect_failures() == 100);
  state.connect_failed(start + 100 * ms);
  CHECK(rest_ms(state, start + 100 * ms) == 200);
}

TEST_CASE("backend_state: the first success ends the rest and its growth", "[balance][backend_state]") {
  backend_state state;
  state.connect_failed(start);
  state.connect_failed(start + 100 * ms);
  CHECK(state.connect_succeeded(start));
  CHECK_FALSE(state.resting(start + 101 * ms));
  state.connect_failed(start + 102 * ms);
  CHECK(rest_ms(state, start + 102 * ms) == 100);
}

TEST_CASE("backend_state: workers that fail at once lengthen the rest once", "[balance][backend_state]") {
  backend_state state;
  std::vector<std::thread> workers;
  workers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n) {
        state.connect_failed(start);
        state.session_begins(0);
        state.session_ends();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(rest_ms(state, start) == 100);
  CHECK(state.connect_failures() == 4'000);
  CHECK(state.active() == 0);
}

TEST_CASE("backend_state: failures and the success that ends them say that they changed something",
          "[balance][backend_state]") {
  backend_state state;
  CHECK_FALSE(state.connect_succeeded(start));
  CHECK(state.connect_failed(start));
  CHECK_FALSE(state.connect_failed(start + 1));
  CHECK(state.connect_succeeded(start + 2));
  CHECK_FALSE(state.connect_succeeded(start + 3));
  CHECK(state.recovered_at() == 0);  // a blip
}

TEST_CASE("backend_state: who rested four times in a row had been gone, and is back", "[balance][backend_state]") {
  backend_state state;
  std::int64_t now = start;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(state.connect_failed(now));
    now = state.rests_until();
  }
  CHECK(now - start > 1'499 * ms);
  state.connect_succeeded(now + ms);
  CHECK(state.recovered_at() == now + ms);
}

TEST_CASE("backend_state: no worker gets a session more than the cap", "[balance][backend_state]") {
  backend_state state;
  std::atomic<int> taken{0};
  std::atomic<std::uint32_t> most{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        if (!state.session_begins(3)) continue;
        const std::uint32_t now = static_cast<std::uint32_t>(taken.fetch_add(1)) + 1;
        std::uint32_t before = most.load();
        while (before < now && !most.compare_exchange_weak(before, now)) {
        }
        taken.fetch_sub(1);
        state.session_ends();
      }
    });
  }
  for (std::thread& one : workers) one.join();
  CHECK(most <= 3);
  CHECK(state.active() == 0);
  for (int i = 0; i < 3; ++i) CHECK(state.session_begins(3));
  CHECK_FALSE(state.session_begins(3));
  CHECK(state.session_begins(0));
}
