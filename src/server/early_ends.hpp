#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sluice/close_reason.hpp"

#include "balance/token_clock.hpp"
#include "loop/edge_set.hpp"
#include "server/service.hpp"

namespace sluice::server {

class session;
class session_table;

/// The sessions of a backend that is gone are to end: one order for all workers, each of which ends its own, at a rate
/// that they share. Thread: any.
struct closing {
  closing(const backend& whose, loop::time_ns ordered, loop::time_ns at, std::uint32_t rate) noexcept
      : of(&whose), ordered_at(ordered), begin_at(at), pace(rate, at) {}

  const backend* const of;
  const loop::time_ns ordered_at;  ///< sessions accepted later stay
  const loop::time_ns begin_at;
  bool gently = false;  ///< at a quiet moment if there is one
  balance::token_clock pace;
  std::atomic<bool> called_off{false};
};

/// The oldest sessions on backends that have more than their share are to end, oldest first over all workers. Thread:
/// any.
struct rebalancing {
  rebalancing(const service& whose, loop::time_ns ordered, std::size_t all_workers)
      : of(&whose),
        ordered_at(ordered),
        pace(whose.settings.rebalance.rate, ordered),
        workers(all_workers),
        oldest(std::make_unique<std::atomic<loop::time_ns>[]>(all_workers)) {}

  const service* const of;
  const loop::time_ns ordered_at;  ///< sessions accepted later stay: none is ended twice for one order
  balance::token_clock pace;
  std::atomic<bool> called_off{false};
  const std::size_t workers;
  std::function<bool(std::size_t worker)> is_stuck;  ///< not waited for
  /// By worker: when the oldest session that it would end was accepted. 0 while it still looks, never once it has none.
  std::unique_ptr<std::atomic<loop::time_ns>[]> oldest;
};

/// The worker at which an order is carried out.
struct early_end_place {
  session_table& sessions;
  const snapshot& routes;
  loop::time_ns now;
};

/// A worker's part of the orders that are under way. There is no list of sessions by backend: an order goes through the
/// worker's table, a slice a turn. Thread: its worker's.
class early_ends {
 public:
  /// worker: its index.
  explicit early_ends(std::size_t worker) noexcept : worker_(worker) {}

  /// Where there is no memory for an order its sessions stay.
  void begin(std::shared_ptr<closing> order);
  void begin(const std::shared_ptr<rebalancing>& order);
  /// Goes on with what is due.
  void run(const early_end_place& here);
  /// When to run again; never if there is no order.
  loop::time_ns due() const noexcept { return due_; }

 private:
  struct closing_walk {
    std::shared_ptr<closing> order;
    loop::time_ns due = 0;
    std::uint32_t at = 0;         ///< place in the table
    bool saw_connecting = false;  ///< somebody still connects to it: another round
  };
  struct victim {
    loop::edge_token token;
    loop::time_ns accepted_at = 0;
    const backend* of = nullptr;
  };
  struct rebalancing_walk {
    std::shared_ptr<rebalancing> order;
    loop::time_ns due = 0;
    std::uint32_t at = 0;              ///< place in the table; 0 once all of it was looked through
    std::size_t found = 0;             ///< of victims
    std::array<victim, 16> victims{};  ///< the oldest, oldest first
  };

  static loop::time_ns step(closing_walk& walk, const early_end_place& here);
  loop::time_ns step(rebalancing_walk& walk, const early_end_place& here) const;
  loop::time_ns look(rebalancing_walk& walk, const early_end_place& here) const;
  loop::time_ns end_next(rebalancing_walk& walk, const early_end_place& here) const;

  const std::size_t worker_;
  std::vector<std::unique_ptr<closing_walk>> closings_;
  std::vector<std::unique_ptr<rebalancing_walk>> rebalancings_;
  loop::time_ns due_ = loop::never;
};

/// The backends of a service that have more than `above` per cent of what their weight would give them, and more than
/// their share by a whole session. Backends that rest, or have no weight or address, get no share.
std::vector<const backend*> overloaded(const service_view& view, std::uint32_t above, loop::time_ns now);

}  // namespace sluice::server
