#include "server/session_care.hpp"

#include <string>

#include "server/manager_status.hpp"
#include "server/worker.hpp"
#include "sys/clock.hpp"

namespace sluice::server {
namespace {

std::string a_second(std::uint32_t rate) { return rate == 0 ? " at once" : ", " + std::to_string(rate) + " a second"; }

}  // namespace

void session_care::backend_left(service& of, backend& who, leave_reason why) {
  const service_config& settings = of.settings;
  const leave_action action = why == leave_reason::down ? settings.when_backend_down : settings.when_backend_removed;
  if (action == leave_action::keep) return;
  const bool drains = action == leave_action::drain;
  const loop::time_ns now = sys::monotonic_ns();
  const loop::time_ns wait = drains ? std::chrono::nanoseconds(settings.leaving.timeout).count() : 0;
  const auto order = std::make_shared<closing>(who, now, now + wait, settings.leaving.rate);
  order->gently = drains;
  std::shared_ptr<closing>& known = closings_[&who];
  if (known) known->called_off.store(true, std::memory_order_relaxed);
  known = order;
  for (const auto& one : workers_) one->end_early(order);
  log_.message(log_level::info,
               "backend " + who.name + " of " + of.name +
                   (why == leave_reason::down ? " is down: " : " was removed: ") +
                   count_of(who.state.active(), "session") +
                   (drains ? " may go on for " + std::to_string(settings.leaving.timeout.count()) + " ms, then ended"
                           : " reset") +
                   a_second(settings.leaving.rate));
}

void session_care::backend_joined(service& of, backend& who) {
  if (const auto leaving = closings_.find(&who); leaving != closings_.end()) {
    leaving->second->called_off.store(true, std::memory_order_relaxed);
    closings_.erase(leaving);
  }
  if (stopped_ || of.settings.rebalance.rate == 0) return;
  const auto order = std::make_shared<rebalancing>(of, sys::monotonic_ns(), workers_.size());
  order->is_stuck = [&workers = workers_](std::size_t at) { return workers[at]->is_stuck(); };
  std::shared_ptr<rebalancing>& known = rebalancings_[&of];
  if (known) known->called_off.store(true, std::memory_order_relaxed);
  known = order;
  for (const auto& one : workers_) one->end_early(order);
}

void session_care::stop_rebalancing() {
  stopped_ = true;
  for (const auto& [of, order] : rebalancings_) order->called_off.store(true, std::memory_order_relaxed);
}

}  // namespace sluice::server
