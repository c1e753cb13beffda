#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "sys/unique_fd.hpp"

namespace sluice::support {

/// A link of this thread's network, which should be an own_network, that leads back to it: who connects to far_host()
/// reaches the listener of the same port at near_host(), and every packet takes so long, handshakes included. A tun
/// device whose packets a thread sends back with their addresses exchanged (checksums don't mind).
class delayed_link {
 public:
  /// Throws where there is no /dev/net/tun, or this process may not use it.
  explicit delayed_link(std::chrono::milliseconds one_way);
  delayed_link(const delayed_link&) = delete;
  delayed_link& operator=(const delayed_link&) = delete;
  ~delayed_link();

  static std::string near_host() { return "10.66.0.1"; }
  static std::string far_host() { return "10.66.0.2"; }

 private:
  void serve();

  std::chrono::milliseconds one_way_;
  sys::unique_fd device_;
  sys::unique_fd stop_;
  std::thread thread_;
};

}  // namespace sluice::support
