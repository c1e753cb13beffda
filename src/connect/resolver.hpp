#pragma once

#include <chrono>
#include <cstdint>
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
  std::vector<sys::socket_address> addresses;  ///< port 0, each once; the last good answer when the look-up failed
  bool stale = false;                          ///< the last look-up failed, at least in part: addresses are older
  std::string error;                           ///< what went wrong, for the log; empty if nothing

  bool operator==(const resolution&) const = default;
};

/// One backend as an SRV record names it.
struct srv_target {
  std::string host;  ///< lower case, no dot at its end
  std::uint16_t port = 0;
  std::uint16_t priority = 0;  ///< less is preferred
  std::uint16_t weight = 0;
  std::vector<sys::socket_address> addresses;  ///< port 0; none while the host was never resolved

  bool operator==(const srv_target&) const = default;
};

/// What is known of a name's SRV records after a look-up.
struct srv_resolution {
  std::string name;
  std::vector<srv_target> targets;  ///< ordered by priority, host and port; the last good answer if the look-up failed
  bool stale = false;
  std::string error;

  bool operator==(const srv_resolution&) const = default;
};

/// When names are looked up again, and by which resolv.conf. The defaults are what runs; tests shorten them.
struct refresh_rules {
  std::chrono::milliseconds ttl_floor{1'000};
  std::chrono::milliseconds ttl_ceiling{300'000};
  std::chrono::milliseconds first_retry{1'000};  ///< after a failure, doubled at each further one
  std::chrono::milliseconds last_retry{30'000};
  std::chrono::milliseconds hosts_interval{5'000};  ///< names that /etc/hosts answers have no TTL
  /// When one address family has answered: how much longer the other may take before the first is used.
  std::chrono::milliseconds straggler_wait{50};
  /// When SRV records have answered: how much longer the look-ups of new hosts may keep the answer back.
  std::chrono::milliseconds host_wait{500};
  std::string resolv_conf = "/etc/resolv.conf";
  /// Whether "there is nothing" takes away what was known; otherwise it counts as a failure.
  bool empty_applies = false;
};

/// Looks names up with c-ares, and again when their TTL runs out (at least 1 s, at most 5 min; after a failure 1, 2, 4
/// ... 30 s). The last good answer is kept through any failure, an empty answer included.
///
/// /etc/hosts comes first and is final; search domains are tried as resolv.conf says, which is read again when it
/// changes. A and AAAA are asked apart, so that a server that drops one of them takes nothing from the other. IPv6
/// addresses come first if the host has a route to them. An answer of the same addresses in another order is no change.
/// Thread: the io_context's.
class resolver {
 public:
  using handler = std::function<void(const resolution&)>;
  using srv_handler = std::function<void(const srv_resolution&)>;
  /// What unfollow() wants.
  using ticket = std::uint64_t;

  /// Throws std::runtime_error if c-ares can't start or settings.servers can't be parsed.
  resolver(boost::asio::io_context& io, const dns_config& settings, const refresh_rules& rules = {});
  ~resolver();  ///< cancels what runs; no handler is called any more. May be called from a handler
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// Starts to follow a name. The handler is called from the io_context after the first look-up, whatever it gave, and
  /// then whenever the addresses, staleness or error change. A name may be followed by several handlers.
  ticket follow(const std::string& name, handler on_answer);

  /// The same for the SRV records of a name. Targets whose addresses the answer brings are not looked up. The first
  /// call comes when every target was.
  ticket follow_srv(const std::string& name, srv_handler on_answer);

  /// Ends it: this handler is not called any more. A name that nobody follows is forgotten. May be called from a
  /// handler.
  void unfollow(ticket which);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace sluice::connect
