#include "balance/least_connections.hpp"

#include <algorithm>

#include "balance/random_source.hpp"

namespace sluice::balance {

least_connections::least_connections(std::span<const policy_backend> backends) {
  for (std::size_t i = 0; i < backends.size(); ++i)
    if (backends[i].weight != 0) entries_.push_back({i, backends[i].weight});
}

std::size_t least_connections::pick(const pick_request& request, const candidates& from) noexcept {
  random_source chance(request.random);
  std::size_t best = no_backend;
  std::uint64_t best_active = 0;
  std::uint64_t best_weight = 1;
  std::uint64_t weight_of_equals = 0;
  for (const entry& one : entries_) {
    const std::uint64_t active = from.active(one.backend);
    // Which of two quotients is less, without dividing.
    const std::uint64_t ours = active * best_weight;
    const std::uint64_t theirs = best_active * one.weight;
    const bool first = best == no_backend;
    if ((!first && ours > theirs) || !from(one.backend)) continue;
    if (first || ours < theirs) {
      weight_of_equals = one.weight;
    } else {
      weight_of_equals += one.weight;
      if (chance.below(weight_of_equals) >= one.weight) continue;
    }
    best = one.backend;
    best_active = active;
    best_weight = one.weight;
  }
  return best;
}

first_fit::first_fit(std::span<const policy_backend> backends) {
  for (std::size_t i = 0; i < backends.size(); ++i)
    if (backends[i].weight != 0) backends_.push_back(i);
}

std::size_t first_fit::pick(const pick_request&, const candidates& from) noexcept {
  const auto found =
      std::find_if(backends_.begin(), backends_.end(), [&](std::size_t backend) { return from(backend); });
  return found == backends_.end() ? no_backend : *found;
}

}  // namespace sluice::balance
