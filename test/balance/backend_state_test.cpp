#include "balance/backend_state.hpp"

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
  state.connect_succeeded();
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
        state.session_begins();
        state.session_ends();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(rest_ms(state, start) == 100);
  CHECK(state.connect_failures() == 4'000);
  CHECK(state.active() == 0);
}
