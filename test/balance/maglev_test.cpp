#include "balance/maglev.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "balance/hash.hpp"
#include "balance/random_source.hpp"
#include "balance/stand_in_backends.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;
using namespace sluice::test;
using sluice::balance_policy;

namespace {

constexpr std::uint32_t usual_size = 65'537;

const std::vector<policy_backend> golden_backends{{"10.0.1.1:443", 1},
                                                  {"10.0.1.2:443", 2},
                                                  {"web.internal:443", 1},
                                                  {"[2001:db8::5]:443", 3},
                                                  {"unix:/run/app.sock", 1}};

std::vector<std::uint32_t> slots_by_backend(const maglev_table& table, std::size_t n) {
  std::vector<std::uint32_t> counts(n);
  for (std::size_t i = 0; i < table.size(); ++i) ++counts[table.at(i).backend];
  return counts;
}

/// The share of slots whose backend is another one in `after`, by name.
double changed(const maglev_table& before, const std::vector<policy_backend>& names_before, const maglev_table& after,
               const std::vector<policy_backend>& names_after) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    sum += names_before[before.at(i).backend].name != names_after[after.at(i).backend].name ? 1 : 0;
  return static_cast<double>(sum) / static_cast<double>(before.size());
}

std::size_t pick(policy& of, std::uint64_t key, const candidates& from) { return of.pick({0, 0, key}, from); }

}  // namespace

// Instances of different versions stand side by side while they are exchanged: the table may never change. These
// values come from a second implementation, in Python.
TEST_CASE("maglev: the table is the same in every version", "[balance][maglev]") {
  const maglev_table small(golden_backends, 101);
  const std::array<std::size_t, 40> first_slots{0, 3, 4, 3, 1, 3, 3, 2, 4, 1, 3, 1, 1, 3, 3, 1, 3, 4, 2, 3,
                                                0, 3, 0, 1, 4, 3, 1, 3, 1, 2, 3, 1, 3, 4, 1, 2, 3, 1, 3, 1};
  for (std::size_t i = 0; i < first_slots.size(); ++i) CHECK(small.at(i).backend == first_slots[i]);
  const auto hash_of_table = [](const maglev_table& table) {
    std::string names;
    for (std::size_t i = 0; i < table.size(); ++i)
      (names += i == 0 ? "" : ",") += golden_backends[table.at(i).backend].name;
    return hash_of(names);
  };
  CHECK(hash_of_table(small) == 0x2b60d44714f5f1ec);
  CHECK(hash_of_table(maglev_table(golden_backends, usual_size)) == 0x4185b4086de6f835);
}

TEST_CASE("maglev: instances agree, whatever the order of their lists", "[balance][maglev]") {
  const std::vector<policy_backend> turned(golden_backends.rbegin(), golden_backends.rend());
  const auto first = policy_of({balance_policy::maglev, {}}, golden_backends, 0);
  const auto second = policy_of({balance_policy::maglev, {}}, turned, 3);
  stand_in_backends here(5);
  stand_in_backends there(5);
  random_source chance(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::size_t down = chance.below(5);
    here.out = {down};
    there.out = {4 - down};
    const std::uint64_t key = chance.next();
    REQUIRE(pick(*first, key, here) == 4 - pick(*second, key, there));
  }
}

TEST_CASE("maglev: slots are shared by weight within one in a hundred", "[balance][maglev]") {
  const std::vector<std::uint32_t> weights =
      GENERATE(std::vector<std::uint32_t>(3, 1), std::vector<std::uint32_t>(100, 7), std::vector<std::uint32_t>(500, 1),
               std::vector<std::uint32_t>{1, 2, 3, 4, 0, 100}, std::vector<std::uint32_t>{65'535, 1'000, 30'000});
  const auto counts = slots_by_backend(maglev_table(named_backends(weights).all, usual_size), weights.size());
  double total = 0;
  for (const std::uint32_t weight : weights) total += weight;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double wanted = usual_size * weights[i] / total;
    CAPTURE(i, counts[i], wanted);
    CHECK(std::abs(counts[i] - wanted) <= std::max(0.01 * wanted, 1.0));
  }
}

TEST_CASE("maglev: when one leaves or comes, little more than its own keys move", "[balance][maglev]") {
  const std::size_t n = GENERATE(2U, 3U, 10U, 50U, 100U, 500U);
  named_backends all = alike(n);
  const maglev_table before(all.all, usual_size);
  double most = 0;
  for (std::size_t gone = 0; gone < std::min<std::size_t>(n, 10); ++gone) {
    std::vector<policy_backend> left = all.all;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(gone));
    most = std::max(most, changed(before, all.all, maglev_table(left, usual_size), left));
  }
  const std::vector<policy_backend> old = all.all;
  all.add("another", 1);
  const double by_coming = changed(before, old, maglev_table(all.all, usual_size), all.all);
  CAPTURE(n, most, by_coming);
  const double own = 1.0 / static_cast<double>(n);
  CHECK(most <= own + 0.01);
  CHECK(most >= own * 0.98);
  CHECK(by_coming <= 1.0 / static_cast<double>(n + 1) + 0.01);
}

TEST_CASE("maglev: the keys of one that is out move to many others, nobody else's, and come back",
          "[balance][maglev]") {
  const auto made = policy_of({balance_policy::maglev, {}}, alike(10).all);
  stand_in_backends from(10);
  std::vector<std::uint32_t> received(10);
  random_source chance(2);
  std::uint32_t moved = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t key = chance.next();
    from.out.clear();
    const std::size_t home = pick(*made, key, from);
    from.out = {4};
    const std::size_t meanwhile = pick(*made, key, from);
    REQUIRE(meanwhile != 4);
    if (home != 4) {
      REQUIRE(meanwhile == home);
      continue;
    }
    ++moved;
    ++received[meanwhile];
  }
  CHECK(std::abs(static_cast<int>(moved) - 10'000) < 500);
  for (std::size_t i = 0; i < received.size(); ++i) {
    if (i != 4) CHECK(std::abs(static_cast<int>(received[i]) - static_cast<int>(moved) / 9) < 150);
  }
}

TEST_CASE("maglev: with most of them out it still finds the others", "[balance][maglev]") {
  const auto made = policy_of({balance_policy::maglev, {}}, alike(200).all);
  stand_in_backends from(200);
  for (std::size_t i = 0; i < 199; ++i) from.out.insert(i);
  for (std::uint64_t key = 0; key < 100; ++key) CHECK(pick(*made, key, from) == 199);
}

TEST_CASE("maglev: no backend is given more than the factor times its share", "[balance][maglev]") {
  const std::uint32_t factor = GENERATE(100U, 110U, 125U, 200U);
  const std::vector<std::uint32_t> weights = GENERATE(
      std::vector<std::uint32_t>(10, 1), std::vector<std::uint32_t>{8, 4, 2, 1, 1}, std::vector<std::uint32_t>{5});
  const auto made = policy_of({balance_policy::maglev, {usual_size, factor}}, named_backends(weights).all);
  stand_in_backends from(weights.size());
  random_source chance(3);
  std::vector<std::size_t> homes;  // of the sessions there are
  double total_weight = 0;
  for (const std::uint32_t weight : weights) total_weight += weight;
  for (int i = 0; i < 20'000; ++i) {
    // Few clients with many sessions each: the worst case for a hash.
    const std::size_t home = pick(*made, hash_of(std::to_string(chance.below(7))), from);
    REQUIRE(home < weights.size());
    homes.push_back(home);
    ++from.sessions[home];
    const double share = static_cast<double>(homes.size()) * weights[home] / total_weight;
    REQUIRE(from.sessions[home] <= std::ceil(share * factor / 100 - 1e-9));
    if (homes.size() < 500) continue;
    const std::size_t ends = chance.below(homes.size());
    --from.sessions[homes[ends]];
    homes.erase(homes.begin() + static_cast<std::ptrdiff_t>(ends));
  }
}

TEST_CASE("maglev: of a thousand backends the share is at most sixteen picks old", "[balance][maglev]") {
  const auto made = policy_of({balance_policy::maglev, {usual_size, 125}}, alike(1'000).all);
  stand_in_backends from(1'000);
  from.sessions.assign(1'000, 100);
  for (std::uint64_t key = 0; key < 16; ++key) pick(*made, key, from);
  const std::size_t home = pick(*made, 77, from);
  CHECK(pick(*made, 77, from) == home);
  from.sessions.assign(1'000, 1);
  from.sessions[home] = 100;
  for (std::uint64_t key = 0; key < 16; ++key) pick(*made, key, from);
  CHECK(pick(*made, 77, from) != home);
}

TEST_CASE("maglev: the share is among those that can be picked", "[balance][maglev]") {
  const auto made = policy_of({balance_policy::maglev, {usual_size, 100}}, alike(4).all);
  stand_in_backends from(4);
  from.out = {1, 2};
  for (int i = 0; i < 100; ++i) {
    const std::size_t home = pick(*made, 77, from);
    REQUIRE(home < 4);
    ++from.sessions[home];
  }
  CHECK(from.sessions == std::vector<std::uint32_t>{50, 0, 0, 50});
}

TEST_CASE("maglev: a client stays where it is while the load is even, and its second choice is always the same",
          "[balance][maglev]") {
  const auto bounded = policy_of({balance_policy::maglev, {usual_size, 125}}, alike(10).all);
  const auto plain = policy_of({balance_policy::maglev, {}}, alike(10).all);
  stand_in_backends from(10);
  from.sessions.assign(10, 100);
  random_source chance(4);
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t key = chance.next();
    const std::size_t home = pick(*plain, key, from);
    CHECK(pick(*bounded, key, from) == home);
    from.sessions[home] = 140;
    const std::size_t second = pick(*bounded, key, from);
    CHECK(second != home);
    from.out = {home};
    CHECK(pick(*plain, key, from) == second);  // the choice it would make without it
    from.out.clear();
    from.sessions[home] = 100;
  }
}
