#include "sys/own_address.hpp"

#include "sys/socket.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::sys {

bool is_own_address(const socket_address& address) noexcept {
  if (address.is_loopback()) return true;
  if (address.family() != AF_INET && address.family() != AF_INET6) return false;
  socket_address to = address;
  to.set_port(9);
  const unique_fd fd(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The source that the kernel chooses for an address is that address only if it is its own (ip(7), ip-route(8)).
  if (!fd || ::connect(fd.get(), to.raw(), to.length()) != 0) return false;
  socket_address from = local_address(fd.get());
  from.set_port(9);
  return from == to;
}

}  // namespace sluice::sys
