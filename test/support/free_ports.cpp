#include "support/free_ports.hpp"

#include <sys/socket.h>

#include <random>

#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

std::uint16_t free_ports(std::uint16_t count) {
  constexpr std::uint16_t lowest = 12'000;
  constexpr std::uint16_t highest = 32'000;  // the kernel's own range begins at 32768
  static std::mt19937 random(std::random_device{}());
  static std::uint16_t next = std::uniform_int_distribution<std::uint16_t>(lowest, highest)(random);
  while (true) {
    if (next + count > highest) next = lowest;
    const std::uint16_t first = next;
    next = static_cast<std::uint16_t>(next + count);
    bool all_free = true;
    for (std::uint16_t port = first; port < next && all_free; ++port) {
      const sys::socket_address anywhere = sys::socket_address::any_ipv6(port);
      const sys::unique_fd tried(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
      all_free = ::bind(tried.get(), anywhere.raw(), anywhere.length()) == 0;
    }
    if (all_free) return first;
  }
}

std::string free_address() { return "127.0.0.1:" + std::to_string(free_ports()); }

}  // namespace sluice::support
