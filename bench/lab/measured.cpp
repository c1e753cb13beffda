#include "measured.hpp"

#include <sched.h>

#include <algorithm>
#include <ctime>

#include "calls.hpp"

namespace sluice::bench::lab {
namespace {

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template <typename Figure>
Figure median(const std::vector<measured>& runs, Figure measured::*figure) {
  std::vector<Figure> sorted;
  sorted.reserve(runs.size());
  for (const measured& run : runs) sorted.push_back(run.*figure);
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? Figure{} : sorted[sorted.size() / 2];
}

}  // namespace

measured measure(std::uint64_t bytes, const std::function<void()>& work) {
  const std::uint64_t calls_before = calls::made;
  const double wall_before = seconds_of(CLOCK_MONOTONIC);
  const double cpu_before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  work();
  const double cpu_after = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  const double wall_after = seconds_of(CLOCK_MONOTONIC);
  return {bytes, calls::made - calls_before, cpu_after - cpu_before, wall_after - wall_before};
}

measured median_of(const std::vector<measured>& runs) {
  return {median(runs, &measured::bytes), median(runs, &measured::calls), median(runs, &measured::cpu_seconds),
          median(runs, &measured::wall_seconds)};
}

void keep_to(place where) {
  static const cpu_set_t allowed = [] {
    cpu_set_t all;
    CPU_ZERO(&all);
    sched_getaffinity(0, sizeof all, &all);
    return all;
  }();
  int chosen = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    chosen = cpu;
    if (where == place::measured) break;
  }
  if (chosen < 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(chosen, &one);
  sched_setaffinity(0, sizeof one, &one);  // refused: the figures are a little less steady
}

}  // namespace sluice::bench::lab
