#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "loop/deadline_wheel.hpp"

namespace {

namespace loop = sluice::loop;

constexpr loop::time_ns second = 1'000'000'000;

/// Files one of many entries anew, as sessions do.
void file_anew(benchmark::State& state) {
  std::vector<loop::deadline> entries(static_cast<std::size_t>(state.range(0)));
  loop::deadline_wheel wheel(0);
  std::mt19937_64 random(1);
  std::vector<loop::time_ns> dues(4'096);
  for (loop::time_ns& due : dues) due = 1 + static_cast<loop::time_ns>(random() % (3'600 * second));
  std::size_t i = 0;
  for (auto _ : state) {
    wheel.file(entries[i % entries.size()], dues[i % dues.size()]);
    ++i;
  }
}

void file_and_cancel(benchmark::State& state) {
  loop::deadline entry;
  loop::deadline_wheel wheel(0);
  for (auto _ : state) {
    wheel.file(entry, 5 * second);
    entry.cancel();
  }
}

/// A turn with nothing due, while so many entries stand in the wheel: what every turn pays.
void look_for_the_next(benchmark::State& state) {
  std::vector<loop::deadline> entries(static_cast<std::size_t>(state.range(0)));
  loop::deadline_wheel wheel(0);
  std::mt19937_64 random(1);
  for (loop::deadline& one : entries) wheel.file(one, second + static_cast<loop::time_ns>(random() % (3'600 * second)));
  for (auto _ : state) benchmark::DoNotOptimize(wheel.next_wake());
}

/// Every entry fires and is filed again for a second later: the cost of one firing, cascades included.
void fire_and_file(benchmark::State& state) {
  std::vector<loop::deadline> entries(static_cast<std::size_t>(state.range(0)));
  loop::deadline_wheel wheel(0);
  std::mt19937_64 random(1);
  for (loop::deadline& one : entries) wheel.file(one, 1 + static_cast<loop::time_ns>(random() % second));
  std::int64_t fired = 0;
  for (auto _ : state) {
    const loop::time_ns now = wheel.next_wake();
    wheel.advance(now, [&](loop::deadline& one) {
      wheel.file(one, now + second);
      ++fired;
    });
  }
  state.SetItemsProcessed(fired);
}

BENCHMARK(file_anew)->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(file_and_cancel);
BENCHMARK(look_for_the_next)->Arg(1)->Arg(100'000);
BENCHMARK(fire_and_file)->Arg(1'000)->Arg(100'000);

}  // namespace
