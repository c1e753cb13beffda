#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// Ports first..last, both included. A single port is a range of one.
struct port_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(last) - first + 1U; }
  bool operator==(const port_range&) const = default;
};

/// Where sluice listens or connects, as a user writes it: `8080`, `10.0.0.5:80`, `[::1]:80`, `db.internal:5432`,
/// `9000-9099`, `unix:/run/app.sock`, `unix:@abstract`, `fd:web`, `srv+_web._tcp.internal`.
struct address {
  /// activated: the descriptors that the service manager passes under a name (listeners only).
  /// srv: a DNS name whose SRV records are the backends (targets only).
  enum class kind : std::uint8_t { tcp, unix_path, unix_abstract, activated, srv };

  kind type = kind::tcp;
  std::string
      host;  ///< tcp: IP literal without brackets or a name; empty means every address (listeners only); srv: the name
  port_range ports;  ///< tcp only
  std::string path;  ///< the rest; without "unix:", '@' or "fd:"

  bool operator==(const address&) const = default;
};

/// The text a user would write for it; parsing it gives the same address again.
std::string to_string(const address& value);

}  // namespace sluice
