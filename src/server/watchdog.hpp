#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "log/logger.hpp"
#include "server/open_listeners.hpp"
#include "server/worker.hpp"

namespace sluice::server {

/// Looks for workers that are stuck. Whoever has not turned for a second is poked, so an idle worker wakes once a
/// second; whoever has not turned for two is stuck: another worker then accepts for it until it turns again, and the
/// service manager's watchdog (WATCHDOG_USEC) is not fed. Thread: the control thread's.
class watchdog {
 public:
  /// listeners: read at each look; cleared when accepting ends. All outlive the watchdog.
  watchdog(boost::asio::io_context& io, const std::vector<std::unique_ptr<worker>>& workers,
           const open_listeners& listeners, log::logger& log);
  void start();
  void stop() { timer_.cancel(); }

 private:
  /// What is known of one worker.
  struct watched {
    loop::time_ns asked = 0;  ///< when it was poked; 0: it has answered
    bool stuck = false;
    std::optional<std::size_t> stand_in;  ///< who accepts for it
  };

  void look();
  void look_at(std::size_t index, loop::time_ns now);
  void lend();
  void lend_from(std::size_t index);
  void wait();

  boost::asio::steady_timer timer_;
  const std::vector<std::unique_ptr<worker>>& workers_;
  const open_listeners& listeners_;
  log::logger& log_;
  std::vector<watched> watched_;
  bool fed_ = false;  ///< the service manager has a watchdog of its own
  std::chrono::microseconds interval_;
};

}  // namespace sluice::server
