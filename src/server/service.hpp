#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/config.hpp"

#include "accept/admission.hpp"
#include "balance/backend_state.hpp"
#include "relay/relay.hpp"
#include "sys/socket.hpp"

namespace sluice::server {

/// One backend as sessions, logs and counters know it. Lives as long as anybody refers to it, whatever configurations
/// come and go. Thread: any.
struct backend {
  explicit backend(const backend_config& settings);

  const std::string name;  ///< as written
  const address target;
  const std::uint32_t weight;
  balance::backend_state state;
};

/// One service: what its sessions need, computed once. Thread: any.
struct service {
  explicit service(const service_config& settings);

  const std::string name;
  const service_config settings;
  const relay::relay_settings relaying;
  const sys::side_options client_options;
  const sys::side_options backend_options;
  std::vector<std::unique_ptr<backend>> backends;
  accept::admission sessions;
};

/// Where a backend can be reached now, port 0; empty while its name was never resolved.
using address_list = std::vector<sys::socket_address>;

/// A service and the addresses of its backends, in their order.
struct service_view {
  std::shared_ptr<service> object;
  std::vector<address_list> addresses;
};

/// What workers go by: made by the control thread, never changed, exchanged as a whole.
using snapshot = std::vector<service_view>;

/// What a listener's clients are for. Its index is the listener's tag.
struct entrance {
  std::uint32_t service = 0;      ///< index in the snapshot
  std::uint32_t port_offset = 0;  ///< within the listener's range: the same offset in the target's range
  std::string name;               ///< "0.0.0.0:9001", "unix:/run/app.sock"
  bool one_owner = false;         ///< one worker has the listener and shares the clients out
  bool is_wildcard = false;       ///< the address a client reached has to be asked for
  sys::socket_address address;
};

/// The port of a target for a client that came in at port_offset: ranges run side by side, a single port serves all.
std::uint16_t target_port(const address& target, std::uint32_t port_offset) noexcept;

}  // namespace sluice::server
