#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "connect/resolver.hpp"
#include "connect/resolver_channel.hpp"

namespace sluice::connect {

/// What is known of one name, look-up after look-up. No I/O and no clock. A look-up is a round: begin, take for each
/// family, and settle, which may come before the second family has answered and again after it.
class resolver_name {
 public:
  /// Whether the host has a route to an address.
  using route_probe = std::function<bool(const sys::socket_address&)>;

  explicit resolver_name(const std::string& name, bool empty_applies = false) : empty_applies_(empty_applies) {
    known_.name = name;
  }

  void begin() noexcept { ipv4_.is_fresh = ipv6_.is_fresh = false; }
  void take(int family, lookup_result result);
  /// /etc/hosts answers for both families at once.
  void take_all(lookup_result result);

  bool is_complete() const noexcept { return ipv4_.is_fresh && ipv6_.is_fresh; }
  bool has_answer() const noexcept { return is_answered(ipv4_) || is_answered(ipv6_); }

  /// Folds what was taken into what is known. True if addresses, staleness or error changed.
  bool settle(const route_probe& has_route);

  /// After a complete round is settled: when to look again.
  std::chrono::milliseconds next_look_up(const refresh_rules& rules) noexcept;

  const resolution& known() const noexcept { return known_; }

 private:
  struct family_answer {
    std::vector<sys::socket_address> good;  ///< the last good answer
    lookup_result last{lookup_result::kind::nothing, {}, {}, {}};
    bool is_fresh = false;  ///< last is of this round
  };

  static bool is_answered(const family_answer& family) noexcept;
  static bool keeps_old(const family_answer& family) noexcept;
  void fold(family_answer& family) const;

  /// Both families say that there is nothing, and that is to be believed.
  bool is_gone() const noexcept;

  const bool empty_applies_;
  family_answer ipv4_;
  family_answer ipv6_;
  resolution known_;
  unsigned failures_ = 0;  ///< rounds in a row
};

}  // namespace sluice::connect
