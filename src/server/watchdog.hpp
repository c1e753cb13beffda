#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "log/logger.hpp"
#include "server/worker.hpp"

namespace sluice::server {

/// Asks every worker for a sign of life and feeds the service manager's watchdog only while all of them give one.
/// Runs only where the manager asked for it (WATCHDOG_USEC). Thread: the control thread's.
class watchdog {
 public:
  watchdog(boost::asio::io_context& io, const std::vector<std::unique_ptr<worker>>& workers, log::logger& log);
  void start();
  void stop() { timer_.cancel(); }

 private:
  void look();
  void wait();

  boost::asio::steady_timer timer_;
  const std::vector<std::unique_ptr<worker>>& workers_;
  log::logger& log_;
  std::chrono::microseconds interval_{0};
};

}  // namespace sluice::server
