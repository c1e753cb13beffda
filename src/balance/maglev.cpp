#include "balance/maglev.hpp"

#include <algorithm>

#include "balance/random_source.hpp"
#include "balance/wide.hpp"

namespace sluice::balance {
namespace {

/// With half of the backends out, one pick in 65,536 asks everyone in turn.
constexpr int tries = 16;
/// How many backends are looked at anew at each pick, for the sums.
constexpr std::size_t looks = 64;

}  // namespace

maglev::maglev(std::shared_ptr<const maglev_table> table, std::uint32_t load_factor)
    : table_(std::move(table)), load_factor_(load_factor) {
  if (load_factor_ != 0) seen_.resize(table_->entries().size());
}

std::size_t maglev::pick(const pick_request& request, const candidates& from) noexcept {
  if (table_->size() == 0) return no_backend;
  const auto entries = table_->entries();
  if (load_factor_ != 0) {
    for (std::size_t i = 0; i < std::min(looks, entries.size()); ++i) {
      look_at(next_look_, from);
      next_look_ = (next_look_ + 1) % entries.size();
    }
  }
  std::uint64_t key = request.hash_key;
  random_source next_key(key);
  for (int i = 0; i < tries; ++i) {
    const auto at = static_cast<std::size_t>(&table_->at(key % table_->size()) - entries.data());
    if (allows(at, from)) return picked(at);
    key = next_key.next();
  }
  // Whoever is asked is counted anew, so that the second round goes by exact sums: somebody is below the mean.
  for (std::size_t i = 0; i < 2 * entries.size(); ++i) {
    const std::size_t at = (key + i) % entries.size();
    if (allows(at, from)) return picked(at);
  }
  return no_backend;
}

void maglev::look_at(std::size_t entry, const candidates& from) noexcept {
  const maglev_table::entry& one = table_->entries()[entry];
  const seen now{from.active(one.backend), from(one.backend)};
  seen& before = seen_[entry];
  sessions_ += std::uint64_t{now.sessions} - before.sessions;
  if (now.may_be_picked != before.may_be_picked) weight_ += now.may_be_picked ? one.weight : -std::uint64_t{one.weight};
  before = now;
}

/// Whether it may be given one session more.
bool maglev::allows(std::size_t entry, const candidates& from) noexcept {
  const maglev_table::entry& one = table_->entries()[entry];
  if (load_factor_ == 0) return from(one.backend);
  look_at(entry, from);
  if (!seen_[entry].may_be_picked) return false;
  return static_cast<wide>(seen_[entry].sessions) * weight_ * 100 <
         static_cast<wide>(sessions_ + 1) * one.weight * load_factor_;
}

/// Counts the session that is about to begin there.
std::size_t maglev::picked(std::size_t entry) noexcept {
  if (load_factor_ != 0) {
    ++seen_[entry].sessions;
    ++sessions_;
  }
  return table_->entries()[entry].backend;
}

}  // namespace sluice::balance
