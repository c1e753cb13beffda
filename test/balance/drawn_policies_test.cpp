#include "balance/drawn_policies.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "balance/stand_in_backends.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;
using namespace sluice::test;
using sluice::balance_policy;

namespace {

/// Where `picks` go while nobody's load changes.
std::vector<std::uint32_t> spread(policy& of, const candidates& from, std::size_t n, std::size_t picks,
                                  std::uint64_t seed = 1) {
  random_source chance(seed);
  std::vector<std::uint32_t> counts(n);
  for (std::size_t i = 0; i < picks; ++i) {
    const std::size_t backend = of.pick({0, chance.next(), chance.next()}, from);
    REQUIRE(backend < n);
    ++counts[backend];
  }
  return counts;
}

/// What a chi-square of so many degrees of freedom is above once in a million (Wilson and Hilferty's approximation).
double unlikely(double degrees) {
  const double part = 2 / (9 * degrees);
  return degrees * std::pow(1 - part + 4.75 * std::sqrt(part), 3);
}

}  // namespace

TEST_CASE("drawn policies: chance and keys spread by weight", "[balance]") {
  const balance_policy kind = GENERATE(balance_policy::random, balance_policy::source_hash,
                                       balance_policy::power_of_two, balance_policy::least_connections);
  const std::vector<std::uint32_t> weights =
      GENERATE(std::vector<std::uint32_t>{1, 1, 1, 1}, std::vector<std::uint32_t>{5, 0, 1, 3, 1},
               std::vector<std::uint32_t>{65'535, 1'000, 30'000}, std::vector<std::uint32_t>{7});
  const named_backends backends(weights);
  const auto made = policy_of({kind, {}}, backends.all);
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  const auto counts = spread(*made, stand_in_backends(weights.size()), weights.size(), 200'000, seed);
  CAPTURE(counts, weights);
  const auto degrees = static_cast<double>(std::count_if(weights.begin(), weights.end(), [](auto w) { return w > 0; }));
  CHECK(chi_square(counts, weights) <= unlikely(std::max(degrees - 1, 1.0)));
}

TEST_CASE("drawn policies: a thousand weights spread as they say", "[balance]") {
  std::vector<std::uint32_t> weights(1'000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint32_t>(1 + i % 13);
  const auto made = policy_of({balance_policy::random, {}}, named_backends(weights).all);
  CHECK(chi_square(spread(*made, stand_in_backends(1'000), 1'000, 1'000'000), weights) <= unlikely(999));
}

TEST_CASE("drawn policies: those left share by weight while others are out", "[balance]") {
  const balance_policy kind = GENERATE(balance_policy::random, balance_policy::source_hash);
  std::vector<std::uint32_t> weights{4, 100, 1, 3, 100, 2};
  const auto made = policy_of({kind, {}}, named_backends(weights).all);
  stand_in_backends from(weights.size());
  from.out = {1, 4};  // nearly all the weight: most picks ask everyone
  const auto counts = spread(*made, from, weights.size(), 100'000);
  weights[1] = weights[4] = 0;
  CAPTURE(counts);
  CHECK(chi_square(counts, weights) <= unlikely(3));
  from.out = {0, 1, 2, 3, 4, 5};
  CHECK(made->pick({}, from) == no_backend);
}

TEST_CASE("drawn policies: nobody there is no backend", "[balance]") {
  const balance_policy kind =
      GENERATE(balance_policy::random, balance_policy::source_hash, balance_policy::power_of_two, balance_policy::ewma,
               balance_policy::least_connections, balance_policy::first, balance_policy::maglev);
  CHECK(policy_of({kind, {}}, {})->pick({}, stand_in_backends(0)) == no_backend);
  CHECK(policy_of({kind, {}}, alike(3, 0).all)->pick({}, stand_in_backends(3)) == no_backend);
  stand_in_backends nobody(3);
  nobody.out = {0, 1, 2};
  CHECK(policy_of({kind, {}}, alike(3).all)->pick({}, nobody) == no_backend);
  nobody.out = {0, 2};
  CHECK(policy_of({kind, {}}, alike(3).all)->pick({}, nobody) == 1);
}

TEST_CASE("source_hash: a client stays, and only the clients of one that is out move", "[balance]") {
  const named_backends backends({2, 1, 1, 3, 1});
  const auto made = policy_of({balance_policy::source_hash, {}}, backends.all);
  stand_in_backends from(5);
  random_source chance(9);
  int moved = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t key = chance.next();
    from.out.clear();
    const std::size_t home = made->pick({0, chance.next(), key}, from);
    CHECK(made->pick({0, chance.next(), key}, from) == home);
    from.out = {3};
    const std::size_t meanwhile = made->pick({0, chance.next(), key}, from);
    if (meanwhile == home) continue;
    ++moved;
    CHECK(home == 3);
  }
  CHECK(std::abs(moved - 20'000 * 3 / 8) < 400);
}

TEST_CASE("source_hash: instances agree whatever the order of their lists", "[balance]") {
  const named_backends one({2, 1, 1, 3, 1});
  std::vector<policy_backend> turned(one.all.rbegin(), one.all.rend());
  const auto first = policy_of({balance_policy::source_hash, {}}, one.all, 1);
  const auto second = policy_of({balance_policy::source_hash, {}}, turned, 2);
  random_source chance(3);
  for (int i = 0; i < 1'000; ++i) {
    const pick_request request{0, chance.next(), chance.next()};
    const std::size_t here = first->pick(request, stand_in_backends(5));
    CHECK(second->pick({0, chance.next(), request.hash_key}, stand_in_backends(5)) == 4 - here);
  }
}

TEST_CASE("power_of_two: sessions that stay are spread by weight, far more evenly than by chance", "[balance]") {
  const std::vector<std::uint32_t> weights =
      GENERATE(std::vector<std::uint32_t>(100, 1), std::vector<std::uint32_t>{6, 3, 2, 1});
  const auto fullest = [&](balance_policy kind) {
    const auto made = policy_of({kind, {}}, named_backends(weights).all);
    stand_in_backends from(weights.size());
    random_source chance(5);
    const auto total = std::accumulate(weights.begin(), weights.end(), 0U);
    for (std::uint32_t i = 0; i < 100 * total; ++i) ++from.sessions[made->pick({0, chance.next(), 0}, from)];
    double most = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      most = std::max(most, static_cast<double>(from.sessions[i]) / weights[i]);
    return most;  // 100 would be even
  };
  CHECK(fullest(balance_policy::power_of_two) <= 103);
  CHECK(fullest(balance_policy::random) > fullest(balance_policy::power_of_two) + 1);
}

TEST_CASE("power_of_two: of two it takes the one with less to do", "[balance]") {
  const auto made = policy_of({balance_policy::power_of_two, {}}, named_backends({1, 1}).all);
  stand_in_backends from(2);
  from.sessions = {7, 6};
  random_source chance(1);
  int second = 0;
  for (int i = 0; i < 1'000; ++i) second += made->pick({0, chance.next(), 0}, from) == 1 ? 1 : 0;
  CHECK(second >= 980);  // one of two is met within eight draws, but for one time in 256
}

TEST_CASE("drawn policies: a pick allocates nothing", "[balance]") {
  const balance_policy kind =
      GENERATE(balance_policy::random, balance_policy::source_hash, balance_policy::power_of_two, balance_policy::ewma,
               balance_policy::least_connections, balance_policy::first, balance_policy::maglev);
  const std::uint32_t load_factor = kind == balance_policy::maglev ? GENERATE(0U, 125U) : 0;
  const auto made = policy_of({kind, {65'537, load_factor}}, alike(1'000, 3).all);
  stand_in_backends from(1'000);
  if (GENERATE(false, true))
    for (std::size_t i = 0; i + 1 < 1'000; ++i) from.out.insert(i);
  random_source chance(8);
  const std::size_t before = sluice::support::allocations();
  for (int i = 0; i < 200; ++i) made->pick({0, chance.next(), chance.next()}, from);
  CHECK(sluice::support::allocations() == before);
  CHECK(before > 0);
}
