#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "sluice/health_config.hpp"

#include "sys/socket_address.hpp"

namespace sluice::connect {

/// What is checked.
struct health_target {
  sys::socket_address to;
  std::string name;       ///< of its host, if it has one: what TLS asks for
  std::string authority;  ///< "web.internal:80": what HTTP asks for
};

struct health_verdict {
  enum class kind : std::uint8_t {
    good,
    bad,
    unknown,  ///< this machine was short of something: that says nothing of the backend
  };
  kind result = kind::unknown;
  std::string saw;  ///< for the log: "connecting: Connection refused", "status 503"
};

/// Checks backends as one service's settings say. Each check is a connection of its own, closed at its end, and takes
/// no longer than the timeout and no more of an answer than the bounds in health_plan. Thread: the io_context's.
class health_prober {
 public:
  using handler = std::function<void(const health_verdict&)>;

  /// Throws std::runtime_error if the settings can't be used.
  health_prober(boost::asio::io_context& io, const health_config& settings);
  ~health_prober();  ///< ends what runs; no handler is called any more
  health_prober(const health_prober&) = delete;
  health_prober& operator=(const health_prober&) = delete;

  /// The handler is called once, from the io_context.
  void start(health_target target, handler on_end);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace sluice::connect
