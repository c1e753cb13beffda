#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/policy.hpp"

namespace sluice::balance {

/// Round robin where every weight is the same: one backend after the other, O(1) while most are eligible.
class even_round_robin final : public policy {
 public:
  /// backends: the indices to go round, at least one. start: how many picks the round is ahead.
  even_round_robin(std::vector<std::size_t> backends, std::uint64_t start);
  std::size_t pick(const pick_request& request, const candidates& eligible) noexcept override;

 private:
  std::vector<std::size_t> backends_;
  std::size_t next_;
};

/// nginx's smooth weighted round robin: every pick adds each backend's weight to its account, takes the largest account
/// (the first of equals) and debits it the sum of the weights. 5:1:1 gives a a b a c a a, not a a a a a b c.
///
/// Backends of one weight are credited alike, so that their order changes only when one of them takes its turn: they
/// stand in a heap, and a pick is a pass over as many accounts as there are different weights.
///
/// Eligibility is asked of the winner alone. A winner that may not be picked is suspended: its account stands still and
/// its weight does not count until it is eligible again, which is asked at every pick. So a backend that is out gains
/// at most one turn, which it gets promptly when it comes back.
class smooth_weighted_round_robin final : public policy {
 public:
  /// weights: one a backend; those of weight 0 are left out. start: how many picks the sequence is ahead.
  smooth_weighted_round_robin(std::span<const std::uint32_t> weights, std::uint64_t start);
  std::size_t pick(const pick_request& request, const candidates& eligible) noexcept override;

 private:
  struct standing {
    std::uint64_t account;  ///< wraps, as a difference of two does not
    std::size_t backend;
  };
  struct equals {
    std::int64_t weight;
    std::vector<standing> heap;  ///< accounts without what all of them were credited since the heap was last empty
  };
  struct suspended {
    std::size_t group;
    standing kept;
  };

  static bool is_behind(const standing& one, const standing& other) noexcept;
  std::size_t credit_all() noexcept;
  std::size_t largest() const noexcept;
  bool goes_first(std::size_t group, std::size_t than) const noexcept;
  void take_turn(std::size_t group) noexcept;
  standing take_first(std::size_t group) noexcept;
  void put(std::size_t group, standing back) noexcept;
  std::uint64_t credited(std::size_t group) const noexcept;
  void show_first(std::size_t group, std::uint64_t credit) noexcept;
  void suspend(std::size_t group, const standing& one) noexcept;
  void suspend_all_but(const candidates& eligible) noexcept;
  void resume(const candidates& eligible) noexcept;
  bool is_nobody_left() const noexcept { return suspended_.size() == backends_; }

  // One of each a group. Parallel arrays, not one of structs: the pass of credit_all() reads nothing it does not need.
  std::vector<std::int64_t> account_;  ///< of the first in its heap
  std::vector<std::int64_t> weight_;   ///< 0 while the heap is empty
  std::vector<equals> groups_;
  std::vector<suspended> suspended_;  ///< room for all, so that a pick allocates nothing
  std::size_t backends_ = 0;
  std::int64_t total_ = 0;  ///< of the weights that count
};

}  // namespace sluice::balance
