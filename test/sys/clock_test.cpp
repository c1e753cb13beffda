#include "sys/clock.hpp"

#include <ctime>

#include "support/catch.hpp"

using namespace sluice::sys;

TEST_CASE("clock: monotonic time never goes back", "[sys][clock]") {
  std::int64_t last = monotonic_ns();
  REQUIRE(last > 0);
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t now = monotonic_ns();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("clock: wall time is the system's, in microseconds", "[sys][clock]") {
  const std::time_t before = std::time(nullptr);
  const std::int64_t now = wall_us();
  const std::time_t after = std::time(nullptr);
  CHECK(now / 1'000'000 >= before - 1);
  CHECK(now / 1'000'000 <= after + 1);
}
