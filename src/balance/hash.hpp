#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::balance {

/// XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md): the same on every machine and in every version of sluice,
/// which is what several of them have to agree by.
std::uint64_t hash_of(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0) noexcept;
std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 0) noexcept;

/// The key of a client's address, of which only the first prefix_bits count.
/// address: 4 or 16 bytes, network byte order.
std::uint64_t address_key(std::span<const std::uint8_t> address, std::uint32_t prefix_bits) noexcept;

}  // namespace sluice::balance
