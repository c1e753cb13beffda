#include "balance/latency_estimate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::balance {
namespace {

constexpr unsigned tick_shift = 20;

struct reading {
  float value_ns;
  std::uint32_t tick;
};

std::uint32_t tick_at(std::int64_t now_ns) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now_ns) >> tick_shift);
}

reading unpack(std::uint64_t word) noexcept {
  return {std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32U)), static_cast<std::uint32_t>(word)};
}

std::uint64_t pack(reading from) noexcept {
  return std::uint64_t{std::bit_cast<std::uint32_t>(from.value_ns)} << 32U | from.tick;
}

/// What is left of a value between two ticks.
float share_left(std::uint32_t from, std::uint32_t to, std::int64_t decay_ns) noexcept {
  const auto elapsed = static_cast<std::int32_t>(to - from);  // below 0: another worker's turn began later than ours
  if (elapsed <= 0) return 1;
  const float ticks = static_cast<float>(decay_ns) / static_cast<float>(1U << tick_shift);
  return std::exp(-static_cast<float>(elapsed) / std::max(ticks, 1.0F));
}

}  // namespace

void latency_estimate::observe(std::int64_t sample_ns, std::int64_t now_ns, std::int64_t decay_ns) noexcept {
  const float sample = static_cast<float>(std::max<std::int64_t>(sample_ns, 1));
  const std::uint32_t tick = tick_at(now_ns);
  std::uint64_t before = word_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const reading old = unpack(before);
    const float left = share_left(old.tick, tick, decay_ns);
    after = pack({sample >= old.value_ns ? sample : old.value_ns * left + sample * (1 - left), tick});
  } while (!word_.compare_exchange_weak(before, after, std::memory_order_relaxed));
}

double latency_estimate::at(std::int64_t now_ns, std::int64_t decay_ns) const noexcept {
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  if (word == 0) return 0;
  const reading last = unpack(word);
  return std::max(last.value_ns * share_left(last.tick, tick_at(now_ns), decay_ns), 1.0F);
}

}  // namespace sluice::balance
