#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sys/socket_address.hpp"

namespace sluice::connect {

/// What a DNS message says of SRV records.
struct srv_answer {
  struct record {
    std::string host;  ///< lower case, no dot at its end
    std::uint16_t port = 0;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
  };

  std::vector<record> targets;  ///< empty also if the service says that it is not to be had (target ".")
  std::map<std::string, std::vector<sys::socket_address>> addresses;  ///< by host, port 0: those that came along
  std::chrono::seconds ttl{0};  ///< the least of all records that are used, CNAMEs included
};

/// Reads a whole DNS message (RFC 1035, 2782): c-ares gives no TTL with SRV records. nullopt if it is malformed.
/// Records whose target is no host name, or whose port is 0, are left out. No I/O.
std::optional<srv_answer> parse_srv_answer(std::span<const unsigned char> message);

}  // namespace sluice::connect
