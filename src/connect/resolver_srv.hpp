#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connect/resolver.hpp"
#include "connect/resolver_channel.hpp"

namespace sluice::connect {

/// What is known of one name's SRV records and of the hosts they name, look-up after look-up. No I/O and no clock.
class resolver_srv {
 public:
  resolver_srv(const std::string& name, bool empty_applies) : empty_applies_(empty_applies) { known_.name = name; }

  void take(srv_result result);
  /// Of one of hosts().
  void take_host(const resolution& host);

  /// The hosts whose addresses no answer brought along: they are to be followed.
  const std::set<std::string>& hosts() const noexcept { return hosts_; }
  /// Whether each of them was looked up.
  bool is_complete() const noexcept;

  /// Folds what was taken into what is known. True if targets, staleness or error changed.
  bool settle();

  /// When to ask again. Call it once after each take().
  std::chrono::milliseconds next_look_up(const refresh_rules& rules) noexcept;

  const srv_resolution& known() const noexcept { return known_; }

 private:
  const bool empty_applies_;
  srv_answer good_;  ///< the last good answer
  srv_result last_;
  bool is_stale_ = true;
  std::set<std::string> hosts_;
  std::map<std::string, resolution> answers_;  ///< of hosts_
  srv_resolution known_;
  unsigned failures_ = 0;  ///< in a row
};

}  // namespace sluice::connect
