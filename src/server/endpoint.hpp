#pragma once

#include "sluice/config.hpp"

#include "log/record.hpp"
#include "sys/socket_address.hpp"

namespace sluice::server {

/// The 20 bytes that a session keeps of an address.
log::endpoint to_endpoint(const sys::socket_address& address) noexcept;

/// By what policies that hash tell clients apart: as much of the address as `settings` says. A unix client has none: it
/// gets `otherwise`.
std::uint64_t hash_key_of(const log::endpoint& client, const hash_config& settings, std::uint64_t otherwise) noexcept;

}  // namespace sluice::server
