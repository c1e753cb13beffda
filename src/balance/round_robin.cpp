#include "balance/round_robin.hpp"

#include <algorithm>
#include <limits>
#include <map>
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

std::size_t even_round_robin::pick(const pick_request&, const candidates& eligible) noexcept {
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
  std::map<std::uint32_t, std::size_t> group_of;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const std::int64_t weight = weights[i] / divisor;
    const auto [place, is_new] = group_of.try_emplace(weights[i], groups_.size());
    if (is_new) groups_.push_back({weight, {}});
    groups_[place->second].heap.push_back({0, i});  // a heap: of equals the first is ahead
    ++backends_;
    total_ += weight;
  }
  account_.resize(groups_.size());
  weight_.resize(groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) show_first(i, 0);
  suspended_.reserve(backends_);
  if (backends_ == 0) return;
  // After `total_` picks the accounts are back at 0.
  const std::uint64_t ahead = start % static_cast<std::uint64_t>(total_) % largest_head_start;
  for (std::uint64_t i = 0; i < ahead; ++i) take_turn(credit_all());
}

std::size_t smooth_weighted_round_robin::pick(const pick_request&, const candidates& eligible) noexcept {
  resume(eligible);
  if (is_nobody_left()) return no_backend;
  std::size_t best = credit_all();
  for (int asked = 1; !eligible(groups_[best].heap.front().backend); ++asked) {
    suspend(best, take_first(best));
    if (asked == winners_to_ask) suspend_all_but(eligible);
    if (is_nobody_left()) return no_backend;
    best = largest();
  }
  const std::size_t winner = groups_[best].heap.front().backend;
  take_turn(best);
  return winner;
}

bool smooth_weighted_round_robin::is_behind(const standing& one, const standing& other) noexcept {
  const auto lead = static_cast<std::int64_t>(one.account - other.account);
  return lead != 0 ? lead < 0 : one.backend > other.backend;
}

/// Adds every weight to its accounts; the group of the largest account.
std::size_t smooth_weighted_round_robin::credit_all() noexcept {
  std::size_t best = 0;
  std::int64_t most = account_[0] += weight_[0];
  for (std::size_t i = 1; i < account_.size(); ++i) {
    const std::int64_t account = account_[i] += weight_[i];
    if (account < most || (account == most && !goes_first(i, best))) continue;
    most = account;
    best = i;
  }
  return best;
}

std::size_t smooth_weighted_round_robin::largest() const noexcept {
  std::size_t best = 0;
  for (std::size_t i = 1; i < account_.size(); ++i) {
    if (account_[i] > account_[best] || (account_[i] == account_[best] && goes_first(i, best))) best = i;
  }
  return best;
}

/// Of two groups whose accounts are equal.
bool smooth_weighted_round_robin::goes_first(std::size_t group, std::size_t than) const noexcept {
  return weight_[group] != 0 && groups_[group].heap.front().backend < groups_[than].heap.front().backend;
}

void smooth_weighted_round_robin::take_turn(std::size_t group) noexcept {
  standing winner = take_first(group);
  winner.account -= static_cast<std::uint64_t>(total_);
  put(group, winner);
}

/// Its account is what it is, all credit included; so it is wherever it is outside of a heap.
smooth_weighted_round_robin::standing smooth_weighted_round_robin::take_first(std::size_t group) noexcept {
  std::vector<standing>& heap = groups_[group].heap;
  const std::uint64_t credit = credited(group);
  std::pop_heap(heap.begin(), heap.end(), is_behind);
  standing first = heap.back();
  heap.pop_back();
  first.account += credit;
  show_first(group, credit);
  return first;
}

void smooth_weighted_round_robin::put(std::size_t group, standing back) noexcept {
  std::vector<standing>& heap = groups_[group].heap;
  const std::uint64_t credit = credited(group);
  back.account -= credit;
  heap.push_back(back);
  std::push_heap(heap.begin(), heap.end(), is_behind);
  show_first(group, credit);
}

std::uint64_t smooth_weighted_round_robin::credited(std::size_t group) const noexcept {
  const std::vector<standing>& heap = groups_[group].heap;
  return heap.empty() ? 0 : static_cast<std::uint64_t>(account_[group]) - heap.front().account;
}

void smooth_weighted_round_robin::show_first(std::size_t group, std::uint64_t credit) noexcept {
  const equals& of = groups_[group];
  account_[group] = of.heap.empty() ? suspended_account : static_cast<std::int64_t>(of.heap.front().account + credit);
  weight_[group] = of.heap.empty() ? 0 : of.weight;
}

/// Within a pick: takes the credit of this pick back.
void smooth_weighted_round_robin::suspend(std::size_t group, const standing& one) noexcept {
  const std::int64_t weight = groups_[group].weight;
  suspended_.push_back({group, {one.account - static_cast<std::uint64_t>(weight), one.backend}});
  total_ -= weight;
}

void smooth_weighted_round_robin::suspend_all_but(const candidates& eligible) noexcept {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    std::vector<standing>& heap = groups_[i].heap;
    const std::uint64_t credit = credited(i);
    const auto out =
        std::partition(heap.begin(), heap.end(), [&](const standing& one) { return eligible(one.backend); });
    for (auto one = out; one != heap.end(); ++one) suspend(i, {one->account + credit, one->backend});
    heap.erase(out, heap.end());
    std::make_heap(heap.begin(), heap.end(), is_behind);
    show_first(i, credit);
  }
}

void smooth_weighted_round_robin::resume(const candidates& eligible) noexcept {
  for (std::size_t i = 0; i < suspended_.size();) {
    const suspended back = suspended_[i];
    if (!eligible(back.kept.backend)) {
      ++i;
      continue;
    }
    put(back.group, back.kept);
    total_ += groups_[back.group].weight;
    suspended_[i] = suspended_.back();
    suspended_.pop_back();
  }
}

}  // namespace sluice::balance
