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
  std::size_t pick(const pick_request& request, const eligibility& eligible) noexcept override;

 private:
  std::vector<std::size_t> backends_;
  std::size_t next_;
};

/// nginx's smooth weighted round robin: every pick adds each backend's weight to its account, takes the largest account
/// (the first of equals) and debits it the sum of the weights. 5:1:1 gives a a b a c a a, not a a a a a b c.
///
/// Eligibility is asked of the winner alone, so that a pick among a thousand is one pass over two arrays. A winner that
/// may not be picked is suspended: its account stands still and its weight does not count until it is eligible again,
/// which is asked at every pick. So a backend that is out gains at most one turn, which it gets promptly when it comes
/// back.
class smooth_weighted_round_robin final : public policy {
 public:
  /// weights: one a backend; those of weight 0 are left out. start: how many picks the sequence is ahead.
  smooth_weighted_round_robin(std::span<const std::uint32_t> weights, std::uint64_t start);
  std::size_t pick(const pick_request& request, const eligibility& eligible) noexcept override;

 private:
  struct suspended {
    std::size_t position;
    std::int64_t account;
    std::int64_t weight;
  };

  std::size_t credit_all() noexcept;
  std::size_t largest() const noexcept;
  void suspend(std::size_t position) noexcept;
  void suspend_all_but(const eligibility& eligible) noexcept;
  void resume(const eligibility& eligible) noexcept;
  bool is_suspended(std::size_t position) const noexcept { return weight_[position] == 0; }

  // Parallel arrays, not one of structs: the pass of credit_all() reads nothing it does not need.
  std::vector<std::int64_t> account_;
  std::vector<std::int64_t> weight_;
  std::vector<std::size_t> backend_;
  std::vector<suspended> suspended_;  ///< room for all, so that a pick allocates nothing
  std::int64_t total_ = 0;            ///< of the weights that count
};

}  // namespace sluice::balance
