#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace sluice::support {

/// dnsmasq with these lines of configuration, on a port of its own that stays the same when it is started anew. It
/// knows .test alone, and answers with a TTL of 1 s.
class name_server {
 public:
  /// Throws if the program is not installed.
  name_server();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// Stops it before, if it runs. Throws if it does not come up.
  void start(const std::string& lines);
  void stop();
  void freeze() const { process_->signal(SIGSTOP); }

 private:
  const std::string program_;
  const std::uint16_t port_;
  const temporary_directory files_;
  std::unique_ptr<process> process_;
};

}  // namespace sluice::support
