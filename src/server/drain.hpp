#pragma once

#include <chrono>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "sluice/config.hpp"
#include "sluice/error.hpp"

namespace sluice::server {

/// What a drain does to the proxy.
struct drain_actions {
  std::function<void()> begin;  ///< at the first request, at once
  std::function<void()> stop_accepting;
  std::function<bool()> accepting;  ///< somebody may still come in: stopping takes a moment
  std::function<void()> cut_sessions;
  std::function<std::uint32_t()> sessions;  ///< those that still live
  std::function<void(exit_code)> done;
};

/// The way out: go on accepting for the grace time, stop, let sessions finish until the deadline, reset the rest. Asked
/// a second time it resets at once. Thread: the control thread's io_context.
class drain {
 public:
  drain(boost::asio::io_context& io, const drain_config& settings, drain_actions actions);

  /// First call: begins. Second: no more waiting.
  void request();
  bool has_begun() const noexcept { return stage_ != stage::serving; }

 private:
  enum class stage : std::uint8_t { serving, grace, finishing, cutting, over };

  void stop_accepting();
  void look();
  void cut();
  void wait(std::chrono::milliseconds delay, void (drain::*next)());

  boost::asio::steady_timer timer_;
  drain_config settings_;
  drain_actions actions_;
  stage stage_ = stage::serving;
  bool cut_ = false;  ///< there were sessions to reset
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace sluice::server
