#include "server/endpoint.hpp"

#include <cstring>

#include "balance/hash.hpp"

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

std::uint64_t hash_key_of(const log::endpoint& client, const hash_config& settings, std::uint64_t otherwise) noexcept {
  switch (client.type) {
    case log::endpoint::family::ipv4: return balance::address_key({client.bytes.data(), 4}, settings.ipv4_prefix);
    case log::endpoint::family::ipv6: return balance::address_key(client.bytes, settings.ipv6_prefix);
    case log::endpoint::family::unix_socket:
    case log::endpoint::family::none: break;
  }
  return otherwise;
}

}  // namespace sluice::server
