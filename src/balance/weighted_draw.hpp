#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/policy.hpp"
#include "balance/random_source.hpp"

namespace sluice::balance {

/// Draws backends by chance in proportion to their weights, in constant time: Walker's alias method (Vose, IEEE TSE
/// 1991) in whole numbers, so that the proportions are exact. Never changes. Thread: any.
class weighted_draw {
 public:
  /// Backends of weight 0 are left out. In the order of their names where by_name, so that the order in which they
  /// are given does not matter.
  explicit weighted_draw(std::span<const policy_backend> backends, bool by_name = false);

  struct drawn {
    std::size_t backend = no_backend;
    bool searched = false;  ///< everyone was asked, because few are candidates
  };
  /// One that is a candidate, drawn by weight among those that are. A few draws that meet none are followed by a look
  /// at every backend.
  drawn draw(random_source& chance, const candidates& from) const noexcept;
  /// Another one than `first`. no_backend if there is none, and also if one has nearly all the weight and none else was
  /// met: everyone is asked only where everyone was for the first.
  std::size_t draw_another(random_source& chance, const candidates& from, const drawn& first) const noexcept;

  std::uint32_t weight_of(std::size_t backend) const noexcept { return weights_[backend]; }

 private:
  struct column {
    std::size_t backend;    ///< where the second number is below `share`
    std::size_t otherwise;  ///< the alias
    std::uint64_t share;    ///< of total_
  };

  std::size_t meet(random_source& chance, const candidates& from, std::size_t but) const noexcept;
  std::size_t search(random_source& chance, const candidates& from, std::size_t but) const noexcept;

  std::vector<column> columns_;
  std::vector<std::uint32_t> weights_;  ///< by backend
  std::uint64_t total_ = 0;
};

}  // namespace sluice::balance
