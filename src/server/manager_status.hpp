#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::server {

/// "1 session", "2 sessions".
std::string count_of(std::size_t n, std::string_view what);

/// What the service manager is told: readiness, stopping and, every few seconds if it changed, how many sessions live.
/// Does nothing where no manager listens (NOTIFY_SOCKET). Thread: the control thread's.
class manager_status {
 public:
  manager_status(boost::asio::io_context& io, std::function<std::uint32_t()> sessions);

  /// READY. summary: the first line.
  void ready(const std::string& summary, std::size_t listeners);
  /// STOPPING, and how long that may take. Again when it turns out to take longer.
  void stopping(std::chrono::milliseconds at_most);
  void stop() { timer_.cancel(); }

 private:
  std::string line() const;
  void update();
  void wait();

  boost::asio::steady_timer timer_;
  std::function<std::uint32_t()> sessions_;
  std::size_t listeners_ = 0;
  bool stopping_ = false;
  std::string told_;
};

}  // namespace sluice::server
