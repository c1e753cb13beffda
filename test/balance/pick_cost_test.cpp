#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "balance/random_source.hpp"
#include "balance/stand_in_backends.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;
using namespace sluice::test;
using sluice::balance_policy;

namespace {

constexpr std::size_t backends = 1'000;
constexpr std::size_t picks = 1'000;

struct row {
  const char* name;
  policy_settings settings;
  std::size_t most_questions;  ///< a pick; each is an atomic or two of an object on the heap
};

}  // namespace

// Questions are what a pick among many costs, and unlike nanoseconds they are the same on every machine; `./dev bench
// micro` has the nanoseconds.
TEST_CASE("policies: a pick among 1,000 asks few, least-connections everyone, and none allocates", "[balance]") {
  const row one = GENERATE(values<row>({{"round-robin", {balance_policy::round_robin, {}}, 1},
                                        {"random", {balance_policy::random, {}}, 1},
                                        {"power-of-two", {balance_policy::power_of_two, {}}, 4},
                                        {"first", {balance_policy::first, {}}, 1},
                                        {"source-hash", {balance_policy::source_hash, {}}, 1},
                                        {"maglev", {balance_policy::maglev, {}}, 1},
                                        {"maglev, bounded", {balance_policy::maglev, {65'537, 125}}, 130},
                                        {"ewma", {balance_policy::ewma, {}}, 6},
                                        {"least-connections", {balance_policy::least_connections, {}}, 2 * backends}}));
  CAPTURE(one.name);
  std::vector<std::uint32_t> weights(backends);
  for (std::size_t i = 0; i < backends; ++i) weights[i] = 1 + static_cast<std::uint32_t>(i % 7);
  const auto made = policy_of(one.settings, named_backends(weights).all);
  stand_in_backends from(backends);
  from.latency.assign(backends, 1'000'000);
  random_source chance(1);
  const auto pick = [&] { return made->pick({0, chance.next(), chance.next()}, from); };
  CHECK(pick() != no_backend);
  from.asked = 0;
  const std::size_t before = sluice::support::allocations();
  for (std::size_t i = 0; i < picks; ++i) pick();
  CHECK(sluice::support::allocations() == before);
  CHECK(from.asked <= picks * one.most_questions);
}
