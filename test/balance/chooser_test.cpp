#include "balance/chooser.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;

namespace {

/// Backends as a test wants them; all well and reachable at first.
class scripted final : public facts {
 public:
  explicit scripted(std::size_t n) : standings(n), recovered(n, 0), rests(n, 0) {}
  standing of(std::size_t backend) const noexcept override { return standings[backend]; }
  std::uint32_t active(std::size_t) const noexcept override { return 0; }
  std::int64_t recovered_at(std::size_t backend) const noexcept override { return recovered[backend]; }
  std::int64_t rests_until(std::size_t backend) const noexcept override { return rests[backend]; }

  std::vector<standing> standings;
  std::vector<std::int64_t> recovered;
  std::vector<std::int64_t> rests;
};

constexpr std::int64_t second = 1'000'000'000;

/// A service's chooser and what it is told.
struct setting {
  setting(std::vector<choosable> backends, const chooser_settings& how = {})
      : about(backends.size()), picks(plan_chooser(how, backends)) {}

  choice choose(std::int64_t now = second, bool settle = true) {
    random = random * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return picks.choose({now, random, 0}, about, epoch, settle);
  }
  void set(std::size_t backend, condition health) {
    about.standings[backend].health = health;
    ++epoch;
  }
  /// How often each is chosen in so many choices.
  std::vector<int> counts(int n, std::int64_t now = second) {
    std::vector<int> result(about.standings.size());
    for (int i = 0; i < n; ++i) {
      const choice made = choose(now);
      REQUIRE(made.what == choice::kind::backend);
      ++result[made.backend];
    }
    return result;
  }

  scripted about;
  chooser picks;
  std::uint64_t epoch = 0;
  std::uint64_t random = 88'172'645'463'325'252U;
};

constexpr choosable backup_of(std::string_view name) { return {name, 1, 0, true}; }

}  // namespace

TEST_CASE("chooser: without tiers it is the policy's sequence", "[balance][chooser]") {
  setting three({{"a"}, {"b"}, {"c"}});
  for (int i = 0; i < 9; ++i) CHECK(three.choose().backend == static_cast<std::size_t>(i % 3));
}

TEST_CASE("chooser: backups are chosen only when no primary is well", "[balance][chooser]") {
  setting some({{"a"}, {"b"}, backup_of("spare")});
  CHECK(some.counts(10) == std::vector<int>{5, 5, 0});
  some.set(0, condition::down);
  CHECK(some.counts(10) == std::vector<int>{0, 10, 0});
  some.set(1, condition::doubtful);
  CHECK(some.counts(10) == std::vector<int>{0, 0, 10});
  CHECK_FALSE(some.choose().doubtful);
  some.set(0, condition::well);
  CHECK(some.counts(10) == std::vector<int>{10, 0, 0});
}

TEST_CASE("chooser: a backup serves a session that has tried every primary", "[balance][chooser]") {
  setting some({{"a"}, backup_of("spare")});
  some.about.standings[0].reachable = false;
  CHECK(some.choose().backend == 1);
}

TEST_CASE("chooser: backups do not stand in for primaries that are only full", "[balance][chooser]") {
  setting some({{"a"}, backup_of("spare")});
  some.about.standings[0].full = true;
  CHECK(some.choose().what == choice::kind::all_full);
  some.set(0, condition::down);
  CHECK(some.choose().backend == 1);
}

TEST_CASE("chooser: when nobody is well those that rest are tried, but not those that are down", "[balance][chooser]") {
  setting some({{"a"}, {"b"}, backup_of("spare")});
  some.set(0, condition::down);
  some.set(1, condition::doubtful);
  some.set(2, condition::down);
  const choice made = some.choose();
  CHECK(made.backend == 1);
  CHECK(made.doubtful);
  CHECK(some.choose(second, false).what == choice::kind::none);
  some.set(1, condition::down);
  CHECK(some.choose().what == choice::kind::none);
}

TEST_CASE("chooser: a group passes on what its health does not cover", "[balance][chooser]") {
  // Ten near and ten far; the threshold is 70 %: with 7 of 10 well the near ones still take all.
  std::vector<choosable> backends;
  for (int i = 0; i < 20; ++i) backends.push_back({"x", 1, i < 10 ? 0U : 5U, false});
  setting zones(backends);
  const auto near_share = [&] {
    const std::vector<int> counts = zones.counts(20'000);
    int near = 0;
    for (std::size_t i = 0; i < 10; ++i) near += counts[i];
    return near / 20'000.0;
  };
  CHECK(near_share() == 1);
  for (std::size_t gone = 0; gone < 3; ++gone) zones.set(gone, condition::down);
  CHECK(near_share() == 1);
  for (std::size_t gone = 3; gone < 6; ++gone) zones.set(gone, condition::down);
  CHECK(std::abs(near_share() - 40.0 / 70) < 0.02);
  // The far ones cover 3/7 only with a share of their own; 2 of 10 well cover 2/7: both are stretched to the whole.
  for (std::size_t gone = 10; gone < 18; ++gone) zones.set(gone, condition::down);
  CHECK(std::abs(near_share() - 4.0 / 6) < 0.02);
  for (std::size_t gone = 6; gone < 10; ++gone) zones.set(gone, condition::down);
  CHECK(near_share() == 0);
}

TEST_CASE("chooser: with an overflow of 0 a group keeps all sessions while one of it is well", "[balance][chooser]") {
  chooser_settings how;
  how.overflow = 0;
  setting zones({{"a", 1, 0, false}, {"b", 1, 0, false}, {"far", 1, 1, false}}, how);
  zones.set(0, condition::down);
  CHECK(zones.counts(100) == std::vector<int>{0, 100, 0});
  zones.set(1, condition::down);
  CHECK(zones.counts(100) == std::vector<int>{0, 0, 100});
}

TEST_CASE("chooser: a full group sends sessions to the next one", "[balance][chooser]") {
  setting zones({{"near", 1, 0, false}, {"far", 1, 1, false}});
  zones.about.standings[0].full = true;
  CHECK(zones.counts(10) == std::vector<int>{0, 10});
  zones.about.standings[1].full = true;
  CHECK(zones.choose().what == choice::kind::all_full);
}

TEST_CASE("chooser: below the panic threshold health is not asked", "[balance][chooser]") {
  chooser_settings how;
  how.panic = 50;
  setting four({{"a"}, {"b"}, {"c"}, {"d"}}, how);
  four.set(0, condition::down);
  four.set(1, condition::down);
  CHECK(four.counts(100) == std::vector<int>{0, 0, 50, 50});
  four.set(2, condition::down);
  CHECK(four.counts(100) == std::vector<int>{25, 25, 25, 25});
  four.set(3, condition::down);
  CHECK(four.counts(100) == std::vector<int>{25, 25, 25, 25});
  four.set(0, condition::well);
  four.set(1, condition::well);
  CHECK(four.counts(100) == std::vector<int>{50, 50, 0, 0});
}

TEST_CASE("chooser: health is counted again when a rest ends, without an epoch", "[balance][chooser]") {
  setting zones({{"near", 1, 0, false}, {"far", 1, 1, false}});
  zones.about.rests[0] = 2 * second;
  zones.set(0, condition::doubtful);
  CHECK(zones.choose(second).backend == 1);
  zones.about.standings[0].health = condition::well;  // time alone has done it
  CHECK(zones.choose(2 * second - 1).backend == 1);
  CHECK(zones.choose(2 * second).backend == 0);
}

TEST_CASE("chooser: weight 0 is never chosen, in no tier", "[balance][chooser]") {
  setting some({{"a", 0, 0, false}, {"b", 1, 0, false}, {"c", 0, 0, true}});
  CHECK(some.counts(10) == std::vector<int>{0, 10, 0});
  some.set(1, condition::down);
  CHECK(some.choose().what == choice::kind::none);
}

TEST_CASE("chooser: slow start is a line from 1 % up to all", "[balance][chooser]") {
  CHECK(ramp_share(5 * second, 0, 10 * second) == 1);
  CHECK(ramp_share(5 * second, 5 * second, 10 * second) == 0.01);
  CHECK(ramp_share(10 * second, 5 * second, 10 * second) == 0.5);
  CHECK(ramp_share(15 * second, 5 * second, 10 * second) == 1);
  CHECK(ramp_share(5 * second, 5 * second, 0) == 1);
}

TEST_CASE("chooser: a backend that is back gets its ramp's share of its turns", "[balance][chooser]") {
  chooser_settings how;
  how.slow_start_ns = 100 * second;
  const bool weighted = GENERATE(false, true);
  const std::uint32_t weight = weighted ? 3 : 1;
  setting four({{"a"}, {"b"}, {"c"}, {"back", weight, 0, false}}, how);
  four.about.recovered[3] = 1'000 * second;
  constexpr int n = 40'000;
  for (const int percent : {10, 50, 90}) {
    const double of_back = four.counts(n, (1'000 + percent) * second)[3] / static_cast<double>(n);
    // Between the share of its turns that it takes, and what such a weight beside the others' would be: the policies
    // that go round come round sooner.
    const double share = percent / 100.0;
    CHECK(of_back > weight / (3.0 + weight) * share - 0.01);
    CHECK(of_back < weight * share / (3.0 + weight * share) + 0.01);
  }
  CHECK(four.counts(6'000, 1'100 * second)[3] == (weighted ? 3'000 : 1'500));
}

TEST_CASE("chooser: a backend that is back takes all it can when it is the only one", "[balance][chooser]") {
  chooser_settings how;
  how.slow_start_ns = 100 * second;
  setting one({{"a"}, {"back"}}, how);
  one.about.recovered[1] = second;
  one.set(0, condition::down);
  CHECK(one.counts(100, second) == std::vector<int>{0, 100});
}

TEST_CASE("chooser: a choice allocates nothing", "[balance][chooser]") {
  chooser_settings how;
  how.slow_start_ns = 100 * second;
  how.panic = 10;
  setting some({{"a", 1, 0, false}, {"b", 2, 1, false}, backup_of("spare")}, how);
  some.about.recovered[0] = second;
  const std::uint64_t before = sluice::support::allocations_here();
  for (int i = 0; i < 100; ++i) {
    some.set(static_cast<std::size_t>(i % 3), i % 2 == 0 ? condition::down : condition::well);
    some.choose();
  }
  CHECK(sluice::support::allocations_here() == before);
}
