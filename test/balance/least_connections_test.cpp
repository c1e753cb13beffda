#include "balance/least_connections.hpp"

#include <cmath>
#include <set>

#include "balance/random_source.hpp"
#include "balance/stand_in_backends.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;
using namespace sluice::test;
using sluice::balance_policy;

TEST_CASE("least_connections: sessions that stay are spread by weight, exactly", "[balance]") {
  const std::vector<std::uint32_t> weights =
      GENERATE(std::vector<std::uint32_t>{1, 1, 1}, std::vector<std::uint32_t>{4, 2, 1},
               std::vector<std::uint32_t>{10, 0, 3, 7});
  const auto made = policy_of({balance_policy::least_connections, {}}, named_backends(weights).all);
  stand_in_backends from(weights.size());
  random_source chance(1);
  std::uint32_t total = 0;
  for (const std::uint32_t weight : weights) total += weight;
  for (std::uint32_t round = 1; round <= 50; ++round) {
    for (std::uint32_t i = 0; i < total; ++i) ++from.sessions[made->pick({0, chance.next(), 0}, from)];
    for (std::size_t i = 0; i < weights.size(); ++i) CHECK(from.sessions[i] == round * weights[i]);
  }
}

TEST_CASE("least_connections: the one with the fewest, among those that are candidates", "[balance]") {
  const auto made = policy_of({balance_policy::least_connections, {}}, named_backends({1, 1, 1, 2}).all);
  stand_in_backends from(4);
  from.sessions = {5, 3, 4, 7};
  CHECK(made->pick({}, from) == 1);
  from.out = {1};
  CHECK(made->pick({}, from) == 3);  // 3.5 a unit of weight
  from.out = {1, 3};
  CHECK(made->pick({}, from) == 2);
}

TEST_CASE("least_connections: workers that choose at once do not all take the first of equals", "[balance]") {
  const policy_maker plan = plan_policy({balance_policy::least_connections, {}}, alike(16).all);
  const stand_in_backends idle(16);
  std::set<std::size_t> picked;
  for (std::uint64_t worker = 0; worker < 64; ++worker) {
    random_source chance(worker);
    picked.insert(plan(worker)->pick({0, chance.next(), 0}, idle));
  }
  CHECK(picked.size() >= 14);  // 16 x (1 - (15/16)^64) = 15.7
}

TEST_CASE("least_connections: a lone backend with much weight and many sessions does not overflow", "[balance]") {
  const auto made = policy_of({balance_policy::least_connections, {}}, named_backends({65'535, 1}).all);
  stand_in_backends from(2);
  from.sessions = {4'000'000'000, 70'000};
  CHECK(made->pick({}, from) == 0);  // 61,036 a unit
  from.sessions = {4'000'000'000, 60'000};
  CHECK(made->pick({}, from) == 1);
}

TEST_CASE("first_fit: one is filled before the next is used, and used again as soon as it has room", "[balance]") {
  const auto made = policy_of({balance_policy::first, {}}, named_backends({1, 0, 1, 1}).all);
  stand_in_backends from(4);
  CHECK(made->pick({}, from) == 0);
  from.out = {0};
  CHECK(made->pick({}, from) == 2);
  from.out = {0, 2};
  CHECK(made->pick({}, from) == 3);
  from.out = {2};
  CHECK(made->pick({}, from) == 0);
  from.out = {0, 2, 3};
  CHECK(made->pick({}, from) == no_backend);
}
