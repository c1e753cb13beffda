#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "balance/maglev_table.hpp"

namespace sluice::balance {

/// The backend that the table has for the client's key. If that is no candidate, or has its share of the load, the key
/// is hashed on: the next choice is the same in every process, too, and the clients of one backend go to many.
///
/// With a load factor no backend is given a session beyond that many percent of its share: of all sessions of these
/// backends and the new one, by weight among the candidates, rounded up (Mirrokni et al., Consistent Hashing with
/// Bounded Loads, 2016). Whoever is considered is asked for its load; of the others 64 at each pick, so that the sums
/// are exact for so many backends, and of a thousand no older than the last sixteen picks. Workers that pick at the
/// same moment may be over it by one each.
class maglev final : public policy {
 public:
  /// load_factor: percent, at least 100; 0: no bound.
  maglev(std::shared_ptr<const maglev_table> table, std::uint32_t load_factor);
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  /// A backend when it was last looked at, and the session that was given to it since.
  struct seen {
    std::uint32_t sessions = 0;
    bool may_be_picked = false;
  };

  void look_at(std::size_t entry, const candidates& from) noexcept;
  bool allows(std::size_t entry, const candidates& from) noexcept;
  std::size_t picked(std::size_t entry) noexcept;

  std::shared_ptr<const maglev_table> table_;
  std::uint32_t load_factor_;
  // With a load factor, by entry of the table; and their sums, the weight of those alone that may be picked.
  std::vector<seen> seen_;
  std::uint64_t sessions_ = 0;
  std::uint64_t weight_ = 0;
  std::size_t next_look_ = 0;
};

}  // namespace sluice::balance
