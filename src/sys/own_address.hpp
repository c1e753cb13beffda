#pragma once

#include "sys/socket_address.hpp"

namespace sluice::sys {

/// Whether this machine, as the calling thread's network has it, would be the peer of a connection to the IP address:
/// one of an interface, or loopback. Asks the kernel for the way there, without a packet: netlink, and so
/// getifaddrs(3), is closed to services that systemd restricts. False where the kernel won't say.
bool is_own_address(const socket_address& address) noexcept;

}  // namespace sluice::sys
