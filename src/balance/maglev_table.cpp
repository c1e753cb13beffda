#include "balance/maglev_table.hpp"

#include <algorithm>
#include <limits>

#include "balance/hash.hpp"

namespace sluice::balance {
namespace {

constexpr std::uint32_t free_slot = std::numeric_limits<std::uint32_t>::max();
// Part of what instances agree on, as is everything here: never to be changed.
constexpr std::uint64_t offset_seed = 0;
constexpr std::uint64_t skip_seed = 1;

/// How far a backend has come on its way through the slots, and what it may take.
struct walker {
  std::uint64_t next;
  std::uint64_t skip;
  std::uint64_t taken;  ///< in units of 1 / largest weight
};

}  // namespace

maglev_table::maglev_table(std::span<const policy_backend> backends, std::uint32_t size) {
  std::uint64_t largest = 0;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    if (backends[i].weight != 0) entries_.push_back({i, backends[i].weight});
    largest = std::max<std::uint64_t>(largest, backends[i].weight);
  }
  if (entries_.empty()) return;
  std::stable_sort(entries_.begin(), entries_.end(),
                   [&](const entry& a, const entry& b) { return backends[a.backend].name < backends[b.backend].name; });
  std::vector<walker> walkers;
  for (const entry& one : entries_) {
    const std::string_view name = backends[one.backend].name;
    walkers.push_back({hash_of(name, offset_seed) % size, hash_of(name, skip_seed) % (size - 1) + 1, 0});
  }
  slots_.assign(size, free_slot);
  std::uint32_t filled = 0;
  for (std::uint64_t turn = 1; filled < size; ++turn) {
    for (std::uint32_t i = 0; i < entries_.size() && filled < size; ++i) {
      walker& one = walkers[i];
      if (turn * entries_[i].weight < one.taken) continue;
      one.taken += largest;
      while (slots_[one.next] != free_slot) one.next = (one.next + one.skip) % size;
      slots_[one.next] = i;
      ++filled;
    }
  }
}

}  // namespace sluice::balance
