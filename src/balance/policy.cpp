#include "balance/policy.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "balance/drawn_policies.hpp"
#include "balance/least_connections.hpp"
#include "balance/maglev.hpp"
#include "balance/round_robin.hpp"

namespace sluice::balance {
namespace {

policy_maker plan_round_robin(std::span<const policy_backend> backends) {
  std::vector<std::uint32_t> weights;
  for (const policy_backend& one : backends) weights.push_back(one.weight);
  std::vector<std::size_t> weighted;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) weighted.push_back(i);
  }
  const bool even = !weighted.empty() && std::all_of(weighted.begin(), weighted.end(), [&](std::size_t i) {
    return weights[i] == weights[weighted.front()];
  });
  if (even)
    return [weighted = std::move(weighted)](std::uint64_t start) {
      return std::make_unique<even_round_robin>(weighted, start);
    };
  return [weights = std::move(weights)](std::uint64_t start) {
    return std::make_unique<smooth_weighted_round_robin>(weights, start);
  };
}

/// A policy that is its list of backends.
template <typename Policy>
policy_maker plan_listed(std::span<const policy_backend> backends) {
  const Policy first(backends);
  return [first](std::uint64_t) { return std::make_unique<Policy>(first); };
}

/// A policy over what all workers share.
template <typename Policy, typename Shared, typename... Settings>
policy_maker plan_shared(std::shared_ptr<const Shared> shared, Settings... settings) {
  return [shared = std::move(shared), settings...](std::uint64_t) {
    return std::make_unique<Policy>(shared, settings...);
  };
}

}  // namespace

policy_maker plan_policy(const policy_settings& settings, std::span<const policy_backend> backends) {
  const auto draw = [&](bool by_name = false) { return std::make_shared<const weighted_draw>(backends, by_name); };
  switch (settings.kind) {
    case balance_policy::round_robin: return plan_round_robin(backends);
    case balance_policy::least_connections: return plan_listed<least_connections>(backends);
    case balance_policy::random: return plan_shared<random_choice>(draw());
    case balance_policy::power_of_two: return plan_shared<power_of_two>(draw());
    case balance_policy::first: return plan_listed<first_fit>(backends);
    case balance_policy::source_hash: return plan_shared<source_hash>(draw(true));
    case balance_policy::maglev:
      return plan_shared<maglev>(std::make_shared<const maglev_table>(backends, settings.maglev.table_size),
                                 settings.maglev.load_factor);
    case balance_policy::ewma: return plan_shared<ewma>(draw());
  }
  return nullptr;
}

}  // namespace sluice::balance
