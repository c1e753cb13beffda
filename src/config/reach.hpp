#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sluice/address.hpp"
#include "sluice/config.hpp"
#include "sluice/config_load.hpp"

namespace sluice::conf {

/// The address with a unix path as the kernel walks it: from the root, without doubled slashes, "." and "..".
/// Symbolic links are not followed.
address resolved(address value);

/// A listener, found by its address.
struct listener_entry {
  address listen;        ///< resolved
  std::size_t service;   ///< index in settings.services
  std::size_t listener;  ///< index in its listeners
};

/// TCP listeners by their first port, unix listeners by their resolved path.
std::vector<listener_entry> sorted_listeners(const std::vector<service_config>& services);

/// True if the two, resolved, would want the same address: the same host, or one that includes the other, on a common
/// port. "0.0.0.0" is every IPv4 address, "::" every IPv6 address and an empty host both. Port 0 is nobody's.
bool overlap(const address& left, const address& right);

/// True if a connection to the target arrives at the listener, both resolved: nothing but equal literals, loopback and
/// this machine's own addresses are proof. `is_own` tells the last; without it they are like any others.
bool reaches(const address& target, const address& listen, const own_address_test& is_own);

}  // namespace sluice::conf
