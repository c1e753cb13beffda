#include <cstddef>
#include <vector>

#include <benchmark/benchmark.h>

#include "relay/pipe_pool.hpp"

namespace {

namespace relay = sluice::relay;

/// A warm pool: what every fill pays.
void borrow_and_return(benchmark::State& state) {
  relay::counters counts;
  relay::pipe_pool pool({1'024, 8, 1024 * 1024}, counts);
  for (auto _ : state) {
    relay::pipe* lent = pool.borrow();
    benchmark::DoNotOptimize(lent);
    pool.give_back(lent);
  }
}

/// A pool without a budget: what a direction pays to learn that it must copy.
void borrow_in_vain(benchmark::State& state) {
  relay::counters counts;
  relay::pipe_pool pool({0, 0, 0}, counts);
  for (auto _ : state) benchmark::DoNotOptimize(pool.borrow());
}

/// A pipe that is made and closed with bytes in it, as after a reset.
void make_and_kill(benchmark::State& state) {
  relay::counters counts;
  relay::pipe_pool pool({1'024, 8, 1024 * 1024}, counts);
  for (auto _ : state) {
    relay::pipe* lent = pool.borrow();
    lent->bytes = 1;
    pool.give_back(lent);
  }
}

BENCHMARK(borrow_and_return);
BENCHMARK(borrow_in_vain);
BENCHMARK(make_and_kill);

}  // namespace
