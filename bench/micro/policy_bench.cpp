#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "balance/backend_state.hpp"
#include "balance/policy.hpp"
#include "balance/random_source.hpp"

namespace {

namespace balance = sluice::balance;
using sluice::balance_policy;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t decay = 10 * second;
constexpr std::int64_t now = 100'000 * second;

/// Backends each on the heap by itself, with a few sessions, as a session's policy finds them.
class live_backends final : public balance::candidates {
 public:
  explicit live_backends(std::size_t n) {
    balance::random_source chance(1);
    for (std::size_t i = 0; i < n; ++i) {
      auto& one = *states_.emplace_back(std::make_unique<balance::backend_state>());
      for (std::uint64_t sessions = 20 + chance.below(5); sessions > 0; --sessions) one.session_begins(0);
      one.latency.observe(1'000'000, now - second, decay);
    }
  }
  bool operator()(std::size_t backend) const noexcept override { return !states_[backend]->resting(now); }
  std::uint32_t active(std::size_t backend) const noexcept override { return states_[backend]->active(); }
  double latency_ns(std::size_t backend) const noexcept override { return states_[backend]->latency.at(now, decay); }
  /// Nobody but the last is well.
  void break_all_but_last() {
    for (std::size_t i = 0; i + 1 < states_.size(); ++i) states_[i]->connect_failed(now);
  }

 private:
  std::vector<std::unique_ptr<balance::backend_state>> states_;
};

std::unique_ptr<balance::policy> make_policy(const balance::policy_settings& settings, std::size_t n) {
  std::vector<std::string> names(n);
  std::vector<balance::policy_backend> backends;
  for (std::size_t i = 0; i < n; ++i) {
    names[i] = "10.0." + std::to_string(i / 256) + '.' + std::to_string(i % 256) + ":443";
    backends.push_back({names[i], 1 + static_cast<std::uint32_t>(i % 7)});
  }
  return balance::plan_policy(settings, backends)(0);
}

void pick(benchmark::State& state, const balance::policy_settings& settings, bool one_left) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto policy = make_policy(settings, n);
  live_backends backends(n);
  if (one_left) backends.break_all_but_last();
  balance::random_source chance(2);
  for (auto _ : state) benchmark::DoNotOptimize(policy->pick({now, chance.next(), chance.next()}, backends));
}

void pick_even(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<balance::policy_backend> backends(n);
  const auto policy = balance::plan_policy({}, backends)(0);
  const live_backends from(n);
  for (auto _ : state) benchmark::DoNotOptimize(policy->pick({}, from));
}

/// The most that weighted round robin has to look at: no weight is there twice.
void pick_distinct(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<balance::policy_backend> backends(n);
  for (std::size_t i = 0; i < n; ++i) backends[i].weight = 1 + static_cast<std::uint32_t>(i);
  const auto policy = balance::plan_policy({}, backends)(0);
  const live_backends from(n);
  for (auto _ : state) benchmark::DoNotOptimize(policy->pick({}, from));
}

void make_maglev_table(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(make_policy({balance_policy::maglev, {}}, n));
}

[[maybe_unused]] const int registered = [] {
  const auto add = [](const std::string& name, const balance::policy_settings& settings) {
    for (const bool one_left : {false, true})
      benchmark::RegisterBenchmark(("pick/" + name + (one_left ? "/one_left" : "")).c_str(), pick, settings, one_left)
          ->RangeMultiplier(10)
          ->Range(1, 10'000);
  };
  add("round-robin", {balance_policy::round_robin, {}});
  add("least-connections", {balance_policy::least_connections, {}});
  add("random", {balance_policy::random, {}});
  add("power-of-two", {balance_policy::power_of_two, {}});
  add("first", {balance_policy::first, {}});
  add("source-hash", {balance_policy::source_hash, {}});
  add("maglev", {balance_policy::maglev, {}});
  add("maglev_bounded", {balance_policy::maglev, {65'537, 125}});
  add("ewma", {balance_policy::ewma, {}});
  return 0;
}();

BENCHMARK(pick_even)->Name("pick/round-robin_even")->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(pick_distinct)->Name("pick/round-robin_distinct")->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(make_maglev_table)->RangeMultiplier(10)->Range(1, 10'000)->Unit(benchmark::kMillisecond);

}  // namespace
