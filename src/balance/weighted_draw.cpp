#include "balance/weighted_draw.hpp"

#include <algorithm>

namespace sluice::balance {
namespace {

/// With half of the backends out, one pick in 256 asks everyone.
constexpr int tries = 8;

}  // namespace

weighted_draw::weighted_draw(std::span<const policy_backend> backends, bool by_name) {
  for (std::size_t i = 0; i < backends.size(); ++i) {
    weights_.push_back(backends[i].weight);
    total_ += backends[i].weight;
    if (backends[i].weight != 0) columns_.push_back({i, i, 0});
  }
  if (by_name)
    std::stable_sort(columns_.begin(), columns_.end(), [&](const column& a, const column& b) {
      return backends[a.backend].name < backends[b.backend].name;
    });
  // Every column holds total_. Who has less than that in its own column is topped up by one who has more.
  std::vector<std::size_t> scarce;
  std::vector<std::size_t> ample;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].share = columns_.size() * weights_[columns_[i].backend];
    (columns_[i].share < total_ ? scarce : ample).push_back(i);
  }
  while (!scarce.empty()) {
    column& small = columns_[scarce.back()];
    column& large = columns_[ample.back()];
    scarce.pop_back();
    small.otherwise = large.backend;
    large.share -= total_ - small.share;
    if (large.share >= total_) continue;
    scarce.push_back(ample.back());
    ample.pop_back();
  }
}

weighted_draw::drawn weighted_draw::draw(random_source& chance, const candidates& from) const noexcept {
  if (columns_.empty()) return {};
  const std::size_t met = meet(chance, from, no_backend);
  return met != no_backend ? drawn{met, false} : drawn{search(chance, from, no_backend), true};
}

std::size_t weighted_draw::draw_another(random_source& chance, const candidates& from,
                                        const drawn& first) const noexcept {
  if (columns_.size() < 2) return no_backend;
  const std::size_t met = meet(chance, from, first.backend);
  return met == no_backend && first.searched ? search(chance, from, first.backend) : met;
}

/// One random number says the column by its upper part, and what is left of it the place within the column.
std::size_t weighted_draw::meet(random_source& chance, const candidates& from, std::size_t but) const noexcept {
  for (int i = 0; i < tries; ++i) {
    const wide spread = static_cast<wide>(chance.next()) * columns_.size();
    const column& at = columns_[static_cast<std::size_t>(spread >> 64U)];
    const auto place =
        static_cast<std::uint64_t>((static_cast<wide>(static_cast<std::uint64_t>(spread)) * total_) >> 64U);
    const std::size_t backend = place < at.share ? at.backend : at.otherwise;
    if (backend != but && from(backend)) return backend;
  }
  return no_backend;
}

/// Each replaces the one held with a probability of its weight in the sum so far: the one left is drawn by weight.
std::size_t weighted_draw::search(random_source& chance, const candidates& from, std::size_t but) const noexcept {
  std::size_t held = no_backend;
  std::uint64_t sum = 0;
  for (const column& at : columns_) {
    if (at.backend == but || !from(at.backend)) continue;
    sum += weights_[at.backend];
    if (chance.below(sum) < weights_[at.backend]) held = at.backend;
  }
  return held;
}

}  // namespace sluice::balance
