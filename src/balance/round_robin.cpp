#include "balance/round_robin.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace sluice::balance {
namespace {

/// A longer head start would only cost time at construction: phases are what it is for.
constexpr std::uint64_t largest_head_start = 1024;

/// Below every account of a backend that counts: those stay within the sum of weights, 2^32 x their number.
constexpr std::int64_t suspended_account = std::numeric_limits<std::int64_t>::min();

/// After so many winners in one pick that may not be picked, everyone is asked: a pass for each would be quadratic.
constexpr int winners_to_ask = 4;

}  // namespace

even_round_robin::even_round_robin(std::vector<std::size_t> backends, std::uint64_t start)
    : backends_(std::move(backends)), next_(static_cast<std::size_t>(start % backends_.size())) {}

std::size_t even_round_robin::pick(const pick_request&, const eligibility& eligible) noexcept {
  for (std::size_t asked = 0; asked < backends_.size(); ++asked) {
    const std::size_t candidate = backends_[next_];
    next_ = next_ + 1 == backends_.size() ? 0 : next_ + 1;
    if (eligible(candidate)) return candidate;
  }
  return no_backend;
}

smooth_weighted_round_robin::smooth_weighted_round_robin(std::span<const std::uint32_t> weights, std::uint64_t start) {
  std::uint32_t divisor = 0;
  for (const std::uint32_t weight : weights) divisor = std::gcd(divisor, weight);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    backend_.push_back(i);
    weight_.push_back(weights[i] / divisor);
    total_ += weight_.back();
  }
  account_.assign(backend_.size(), 0);
  suspended_.reserve(backend_.size());
  if (backend_.empty()) return;
  // After `total_` picks the accounts are back at 0.
  const std::uint64_t ahead = start % static_cast<std::uint64_t>(total_) % largest_head_start;
  for (std::uint64_t i = 0; i < ahead; ++i) account_[credit_all()] -= total_;
}

std::size_t smooth_weighted_round_robin::pick(const pick_request&, const eligibility& eligible) noexcept {
  resume(eligible);
  if (suspended_.size() == backend_.size()) return no_backend;
  std::size_t best = credit_all();
  for (int asked = 1; !eligible(backend_[best]); ++asked) {
    account_[best] -= weight_[best];
    suspend(best);
    if (asked == winners_to_ask) suspend_all_but(eligible);
    if (suspended_.size() == backend_.size()) return no_backend;
    best = largest();
  }
  account_[best] -= total_;
  return backend_[best];
}

/// Adds every weight to its account; the position of the largest account.
std::size_t smooth_weighted_round_robin::credit_all() noexcept {
  std::size_t best = 0;
  std::int64_t most = account_[0] += weight_[0];
  for (std::size_t i = 1; i < account_.size(); ++i) {
    const std::int64_t account = account_[i] += weight_[i];
    if (account > most) {
      most = account;
      best = i;
    }
  }
  return best;
}

std::size_t smooth_weighted_round_robin::largest() const noexcept {
  return static_cast<std::size_t>(std::max_element(account_.begin(), account_.end()) - account_.begin());
}

void smooth_weighted_round_robin::suspend(std::size_t position) noexcept {
  suspended_.push_back({position, account_[position], weight_[position]});
  total_ -= weight_[position];
  account_[position] = suspended_account;
  weight_[position] = 0;
}

/// Within a pick: takes the credit of this pick back from all who are not eligible.
void smooth_weighted_round_robin::suspend_all_but(const eligibility& eligible) noexcept {
  for (std::size_t i = 0; i < backend_.size(); ++i) {
    if (is_suspended(i) || eligible(backend_[i])) continue;
    account_[i] -= weight_[i];
    suspend(i);
  }
}

void smooth_weighted_round_robin::resume(const eligibility& eligible) noexcept {
  for (std::size_t i = 0; i < suspended_.size();) {
    const suspended back = suspended_[i];
    if (!eligible(backend_[back.position])) {
      ++i;
      continue;
    }
    account_[back.position] = back.account;
    weight_[back.position] = back.weight;
    total_ += back.weight;
    suspended_[i] = suspended_.back();
    suspended_.pop_back();
  }
}

}  // namespace sluice::balance
