#include "server/watchdog.hpp"

#include <algorithm>
#include <string>

#include "sys/clock.hpp"
#include "sys/notify.hpp"

namespace sluice::server {
namespace {

/// A turn takes microseconds; a worker that has not ended one for so long is stuck.
constexpr loop::time_ns stuck_after = 2'000'000'000;

}  // namespace

watchdog::watchdog(boost::asio::io_context& io, const std::vector<std::unique_ptr<worker>>& workers, log::logger& log)
    : timer_(io), workers_(workers), log_(log) {}

void watchdog::start() {
  const auto asked = sys::watchdog_interval();
  if (!asked) return;
  interval_ = std::min<std::chrono::microseconds>(*asked / 2, std::chrono::seconds(1));
  for (const auto& one : workers_) one->poke();
  wait();
}

/// Every worker was poked an interval ago: whoever has not turned since stuck_after is not coming back by itself.
void watchdog::look() {
  const loop::time_ns now = sys::monotonic_ns();
  bool all_well = true;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const loop::time_ns silent = now - workers_[i]->last_turn();
    if (silent > stuck_after) {
      all_well = false;
      log_.message(log_level::error, "worker " + std::to_string(i) + " has made no progress for " +
                                         std::to_string(silent / 1'000'000'000) + " s");
    }
    workers_[i]->poke();
  }
  if (all_well) sys::notify("WATCHDOG=1");
  wait();
}

void watchdog::wait() {
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

}  // namespace sluice::server
