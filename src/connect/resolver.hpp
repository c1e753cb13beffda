#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "sluice/config.hpp"
#include "sys/socket_address.hpp"

namespace sluice::connect {

/// What is known of a name after a look-up.
struct resolution {
  std::string name;
  std::vector<sys::socket_address> addresses;  ///< port 0; the last good answer when the look-up failed
  bool stale = false;                          ///< the last look-up failed, addresses are older
  std::string error;                           ///< what went wrong, for the log; empty if nothing
};

/// Looks names up with c-ares, and again when their TTL runs out (at least 1 s, at most 5 min; after a failure 1, 2, 4 ... 30 s).
/// The last good answer is kept through any failure, an empty answer included. Thread: the io_context's.
class resolver {
 public:
  using handler = std::function<void(const resolution&)>;

  /// Throws std::runtime_error if c-ares can't start or settings.servers can't be parsed.
  resolver(boost::asio::io_context& io, const dns_config& settings);
  ~resolver();  ///< cancels what runs; no handler is called any more

  /// Starts to follow a name. The handler is called from the io_context after the first look-up, whatever it gave, and
  /// then whenever the addresses, staleness or error change.
  void follow(const std::string& name, handler on_answer);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sluice::connect
