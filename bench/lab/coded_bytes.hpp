#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::bench::lab {

constexpr std::size_t largest_piece = 1 << 20;

/// What stands at `position` of every file and stream here: the same bytes come again only after a prime number of
/// them, so that one lost, doubled or misplaced does not go unseen. At most largest_piece. The memory is static.
std::span<const std::byte> coded(std::uint64_t position, std::size_t bytes);

/// Throws std::runtime_error unless `found` is what stands at `position`.
void verify_coded(std::span<const std::byte> found, std::uint64_t position);

}  // namespace sluice::bench::lab
