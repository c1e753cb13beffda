#include "balance/policy.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "balance/round_robin.hpp"

namespace sluice::balance {
namespace {

std::unique_ptr<policy> make_round_robin(std::span<const std::uint32_t> weights, std::uint64_t start) {
  std::vector<std::size_t> weighted;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) weighted.push_back(i);
  }
  const bool even = !weighted.empty() && std::all_of(weighted.begin(), weighted.end(), [&](std::size_t i) {
    return weights[i] == weights[weighted.front()];
  });
  if (even) return std::make_unique<even_round_robin>(std::move(weighted), start);
  return std::make_unique<smooth_weighted_round_robin>(weights, start);
}

}  // namespace

std::unique_ptr<policy> make_policy(balance_policy kind, std::span<const std::uint32_t> weights, std::uint64_t start) {
  switch (kind) {
    case balance_policy::round_robin: return make_round_robin(weights, start);
  }
  return nullptr;
}

}  // namespace sluice::balance
