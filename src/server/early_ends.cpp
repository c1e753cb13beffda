#include "server/early_ends.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "server/session_table.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns next_round = 100 * millisecond;
constexpr loop::time_ns look_at_others = 2 * millisecond;
constexpr std::size_t most_ended = 64;  // a turn
constexpr std::uint32_t slice = 512;    // places of the table a turn: some ten microseconds

const service_view* view_of(const snapshot& routes, const service& one) {
  const auto found =
      std::find_if(routes.begin(), routes.end(), [&](const service_view& view) { return view.object.get() == &one; });
  return found == routes.end() ? nullptr : &*found;
}

/// The worker whose session is the oldest goes first. One that still looks is waited for.
bool is_the_oldest(const rebalancing& order, std::size_t worker, loop::time_ns accepted_at) {
  for (std::size_t i = 0; i < order.workers; ++i)
    if (i != worker && order.oldest[i].load(std::memory_order_relaxed) < accepted_at && !order.is_stuck(i))
      return false;
  return true;
}

template <typename Walk, typename Order>
bool take_up(std::vector<std::unique_ptr<Walk>>& walks, Order order, loop::time_ns due) {
  try {
    walks.push_back(std::make_unique<Walk>());
  } catch (const std::bad_alloc&) {
    return false;
  }
  walks.back()->order = std::move(order);
  walks.back()->due = due;
  return true;
}

template <typename Walks, typename Step>
loop::time_ns run_all(Walks& walks, loop::time_ns now, Step&& step) {
  loop::time_ns soonest = loop::never;
  for (const auto& walk : walks) {
    const bool called_off = walk->order->called_off.load(std::memory_order_relaxed);
    try {
      if (now >= walk->due || called_off) walk->due = called_off ? loop::never : step(*walk);
    } catch (const std::bad_alloc&) {
      walk->due = now + next_round;
    }
    soonest = std::min(soonest, walk->due);
  }
  std::erase_if(walks, [](const auto& walk) { return walk->due == loop::never; });
  return soonest;
}

}  // namespace

void early_ends::begin(std::shared_ptr<closing> order) {
  const loop::time_ns at = order->begin_at;
  if (take_up(closings_, std::move(order), at)) due_ = std::min(due_, at);
}

void early_ends::begin(const std::shared_ptr<rebalancing>& order) {
  if (take_up(rebalancings_, order, 0)) {
    due_ = 0;
  } else {
    order->oldest[worker_].store(loop::never, std::memory_order_relaxed);
  }
}

void early_ends::run(const early_end_place& here) {
  const loop::time_ns of_closings = run_all(closings_, here.now, [&](closing_walk& walk) { return step(walk, here); });
  const loop::time_ns of_rebalancings =
      run_all(rebalancings_, here.now, [&](rebalancing_walk& walk) { return step(walk, here); });
  due_ = std::min(of_closings, of_rebalancings);
}

/// A slice; when to go on.
loop::time_ns early_ends::step(closing_walk& walk, const early_end_place& here) {
  closing& order = *walk.order;
  std::size_t ended = 0;
  const scanned how = here.sessions.scan(walk.at, slice, [&](session& one) {
    if (one.destination() != order.of || one.accepted_at() > order.ordered_at || one.has_ended()) return true;
    if (!one.is_relaying()) {
      walk.saw_connecting = true;
      return true;
    }
    if (ended == most_ended || !order.pace.take(here.now)) return false;
    ++ended;
    if (order.gently) {
      one.end_gently(close_reason::backend_left);
    } else {
      one.cut(close_reason::backend_left);
    }
    return true;
  });
  switch (how) {
    case scanned::stopped: return std::max(order.pace.next(), here.now);
    case scanned::some: return here.now;
    case scanned::all: break;
  }
  walk.at = 0;
  return std::exchange(walk.saw_connecting, false) ? here.now + next_round : loop::never;
}

loop::time_ns early_ends::step(rebalancing_walk& walk, const early_end_place& here) const {
  return walk.at == 0 && walk.found > 0 ? end_next(walk, here) : look(walk, here);
}

/// A slice of the search for the oldest sessions on overloaded backends.
loop::time_ns early_ends::look(rebalancing_walk& walk, const early_end_place& here) const {
  rebalancing& order = *walk.order;
  std::atomic<loop::time_ns>& told = order.oldest[worker_];
  if (walk.at == 0) {
    walk.found = 0;
    told.store(0, std::memory_order_relaxed);
  }
  const service_view* view = view_of(here.routes, *order.of);
  const std::vector<const backend*> busy =
      view == nullptr ? std::vector<const backend*>() : overloaded(*view, order.of->settings.rebalance.above, here.now);
  const scanned how = here.sessions.scan(walk.at, busy.empty() ? UINT32_MAX : slice, [&](session& one) {
    if (std::find(busy.begin(), busy.end(), one.destination()) == busy.end()) return true;
    if (!one.is_relaying() || one.accepted_at() > order.ordered_at || one.is_ending()) return true;
    const victim found{one.token(), one.accepted_at(), one.destination()};
    const auto end = walk.victims.begin() + static_cast<std::ptrdiff_t>(walk.found);
    const auto at = std::upper_bound(walk.victims.begin(), end, found,
                                     [](const victim& a, const victim& b) { return a.accepted_at < b.accepted_at; });
    if (at == walk.victims.end()) return true;
    if (walk.found < walk.victims.size()) ++walk.found;
    std::move_backward(at, walk.victims.begin() + static_cast<std::ptrdiff_t>(walk.found) - 1,
                       walk.victims.begin() + static_cast<std::ptrdiff_t>(walk.found));
    *at = found;
    return true;
  });
  if (how == scanned::some) return here.now;
  walk.at = 0;
  if (walk.found == 0) {
    told.store(loop::never, std::memory_order_relaxed);
    return loop::never;
  }
  return end_next(walk, here);
}

/// Ends the oldest that is left, if its turn has come among all workers' and in time. Those on a backend that has no
/// more than its share now are passed over, not forgotten: it may be overloaded again when the next is sought.
loop::time_ns early_ends::end_next(rebalancing_walk& walk, const early_end_place& here) const {
  rebalancing& order = *walk.order;
  const service_view* view = view_of(here.routes, *order.of);
  if (view == nullptr) return loop::never;
  const std::vector<const backend*> busy = overloaded(*view, order.of->settings.rebalance.above, here.now);
  for (std::size_t i = 0; i < walk.found; ++i) {
    const victim& next = walk.victims[i];
    session* const one = here.sessions.find(next.token);
    if (one == nullptr || one->is_ending() || std::find(busy.begin(), busy.end(), next.of) == busy.end()) continue;
    order.oldest[worker_].store(next.accepted_at, std::memory_order_relaxed);
    if (!is_the_oldest(order, worker_, next.accepted_at)) return std::max(order.pace.next(), here.now + look_at_others);
    if (!order.pace.take(here.now)) return std::max(order.pace.next(), here.now);
    one->end_gently(close_reason::rebalanced);
    // Loads have changed: whether another one is to go is looked at when its time comes.
    return std::max(order.pace.next(), here.now);
  }
  walk.found = 0;
  return here.now;
}

std::vector<const backend*> overloaded(const service_view& view, std::uint32_t above, loop::time_ns now) {
  std::vector<const member*> sharing;
  std::uint64_t weights = 0;
  std::uint64_t sessions = 0;
  for (const member& one : view.members) {
    if (one.weight == 0 || one.addresses.empty() || !one.object->state.is_well(now)) continue;
    sharing.push_back(&one);
    weights += one.weight;
    sessions += one.object->state.active();
  }
  std::vector<const backend*> busy;
  for (const member* one : sharing) {
    const std::uint64_t active = one->object->state.active();
    // active / (sessions * weight / weights) > above / 100, and the same less one is still no less than the share.
    const bool above_limit = active * weights * 100 > sessions * one->weight * above;
    if (active > 0 && above_limit && (active - 1) * weights >= sessions * one->weight)
      busy.push_back(one->object.get());
  }
  return busy;
}

}  // namespace sluice::server
