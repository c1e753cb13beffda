#pragma once

#include <atomic>
#include <cstdint>

#include "sluice/health_config.hpp"

#include "balance/ejection.hpp"

namespace sluice::balance {

/// What sessions tell of a backend, counted by all workers and judged by one thread (the judge). The methods that
/// return bool say whether the judge has to look now: rarely. Thread: any, but for the judge's.
class session_signs {
 public:
  enum class reason : std::uint32_t { none, connect_failures, empty_sessions, failed_share };

  /// What raised a suspicion, as it was then: sessions go on until the judge looks. Two whole words without padding,
  /// which a compare_exchange would compare.
  struct suspicion {
    reason why;
    std::uint32_t in_a_row;
  };

  bool connect_failed(const passive_config& rules) noexcept;
  /// began_ns: when the connect was begun. Only what began after a backend was ejected speaks for it.
  bool connected(std::int64_t began_ns) noexcept;
  /// It ended the session without having sent a byte.
  bool ended_empty(const passive_config& rules) noexcept;
  /// It sent something.
  bool answered(std::int64_t began_ns) noexcept;

  bool is_ejected() const noexcept { return ejected_.load(std::memory_order_relaxed); }
  /// Left alone, or back but without a success since: the first failure ejects it again.
  bool is_doubted() const noexcept { return doubt_.load(std::memory_order_relaxed) != reason::none; }

  // The judge's.
  suspicion suspected() const noexcept { return suspected_.load(std::memory_order_relaxed); }
  /// Nothing was done about it: the next failure may raise it again.
  void let_go() noexcept { suspected_.store({reason::none, 0}, std::memory_order_relaxed); }
  void eject(reason why, std::int64_t now_ns) noexcept;
  void readmit() noexcept { ejected_.store(false, std::memory_order_relaxed); }
  /// Something better than sessions says that it is well.
  void trust() noexcept { doubt_.store(reason::none, std::memory_order_relaxed); }
  session_totals totals() const noexcept {
    return {sessions_.load(std::memory_order_relaxed), failures_.load(std::memory_order_relaxed)};
  }

 private:
  bool suspect(reason why, std::uint32_t in_a_row, std::uint32_t limit) noexcept;
  bool succeeded(std::int64_t began_ns) noexcept;

  std::atomic<std::uint64_t> sessions_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint32_t> failed_{0};
  std::atomic<std::uint32_t> empty_{0};
  std::atomic<std::int64_t> doubted_since_{0};
  std::atomic<reason> doubt_{reason::none};
  std::atomic<suspicion> suspected_{suspicion{reason::none, 0}};
  static_assert(decltype(suspected_)::is_always_lock_free);
  std::atomic<bool> ejected_{false};
};

}  // namespace sluice::balance
