#include "server/endpoint.hpp"

#include <cstring>

namespace sluice::server {

log::endpoint to_endpoint(const sys::socket_address& address) noexcept {
  log::endpoint result;
  result.port = address.port();
  switch (address.family()) {
    case AF_INET:
      result.type = log::endpoint::family::ipv4;
      std::memcpy(result.bytes.data(), &address.ipv4().sin_addr, 4);
      break;
    case AF_INET6:
      // A client of a dual-stack listener is the IPv4 client that it is.
      if (IN6_IS_ADDR_V4MAPPED(&address.ipv6().sin6_addr)) {
        result.type = log::endpoint::family::ipv4;
        std::memcpy(result.bytes.data(), address.ipv6().sin6_addr.s6_addr + 12, 4);
      } else {
        result.type = log::endpoint::family::ipv6;
        std::memcpy(result.bytes.data(), &address.ipv6().sin6_addr, 16);
      }
      break;
    case AF_UNIX: result.type = log::endpoint::family::unix_socket; break;
    default: break;
  }
  return result;
}

}  // namespace sluice::server
