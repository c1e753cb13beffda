#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/policy.hpp"

namespace sluice::balance {

/// The lookup table of Maglev (Eisenbud et al., NSDI 2016, section 3.4), weighted as Envoy does it: every backend goes
/// through the slots in an order of its own, which its name says, and takes the next one that is free as often as its
/// weight allows. The same names and weights make the same table, whatever their order and wherever it is made; when a
/// backend leaves, little more than its own slots change hands. Never changes. Thread: any.
class maglev_table {
 public:
  /// size: a prime, and better a hundred times the number of backends. Those of weight 0 get no slot. Takes a few
  /// milliseconds for 65,537 slots.
  maglev_table(std::span<const policy_backend> backends, std::uint32_t size);

  struct entry {
    std::size_t backend;
    std::uint32_t weight;
  };
  std::size_t size() const noexcept { return slots_.size(); }
  /// Of the slot.
  const entry& at(std::size_t slot) const noexcept { return entries_[slots_[slot]]; }
  /// Everyone with a weight, in the order of their names.
  std::span<const entry> entries() const noexcept { return entries_; }

 private:
  std::vector<entry> entries_;
  std::vector<std::uint32_t> slots_;  ///< indices of entries_; none if nobody has a weight
};

}  // namespace sluice::balance
