#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "balance/policy.hpp"

namespace {

namespace balance = sluice::balance;

class all final : public balance::eligibility {
 public:
  bool operator()(std::size_t) const noexcept override { return true; }
};

class none_but_last final : public balance::eligibility {
 public:
  explicit none_but_last(std::size_t backends) : last_(backends - 1) {}
  bool operator()(std::size_t backend) const noexcept override { return backend == last_; }

 private:
  std::size_t last_;
};

std::vector<std::uint32_t> weights(std::size_t n, bool even) {
  std::vector<std::uint32_t> made(n, 1);
  if (!even)
    for (std::size_t i = 0; i < n; ++i) made[i] = 1 + static_cast<std::uint32_t>(i % 7);
  return made;
}

void pick(benchmark::State& state, bool even, const balance::eligibility& eligible) {
  const auto backends = static_cast<std::size_t>(state.range(0));
  const auto policy = balance::make_policy(sluice::balance_policy::round_robin, weights(backends, even));
  const balance::pick_request request;
  for (auto _ : state) benchmark::DoNotOptimize(policy->pick(request, eligible));
}

void pick_even(benchmark::State& state) { pick(state, true, all()); }
void pick_weighted(benchmark::State& state) { pick(state, false, all()); }
void pick_even_one_left(benchmark::State& state) {
  pick(state, true, none_but_last(static_cast<std::size_t>(state.range(0))));
}
void pick_weighted_one_left(benchmark::State& state) {
  pick(state, false, none_but_last(static_cast<std::size_t>(state.range(0))));
}

BENCHMARK(pick_even)->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(pick_weighted)->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(pick_even_one_left)->RangeMultiplier(10)->Range(1, 10'000);
BENCHMARK(pick_weighted_one_left)->RangeMultiplier(10)->Range(1, 10'000);

}  // namespace
