#pragma once

#include "log/record.hpp"
#include "sys/socket_address.hpp"

namespace sluice::server {

/// The 20 bytes that a session keeps of an address.
log::endpoint to_endpoint(const sys::socket_address& address) noexcept;

}  // namespace sluice::server
