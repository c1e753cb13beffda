#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// What the sessions of a history do, each decided by the history's seed and its own number, so that both ends know it.
namespace sluice::history {

enum class ending {
  in_order,  ///< end of file after its last byte, then it reads until the other's
  reset,     ///< SO_LINGER 0 in the midst of it
  close,     ///< close() in the midst of it, whatever is unread
};

/// One end of a session.
struct side_plan {
  std::uint64_t stream = 0;  ///< seed of the bytes it sends
  std::uint64_t bytes = 0;   ///< how many, the header of a client included
  std::size_t largest_piece = 1;
  std::size_t reads_at_once = 64 * 1024;
  unsigned rests_percent = 0;  ///< pieces before which it rests
  std::chrono::microseconds longest_rest{0};
  ending end = ending::in_order;
  std::uint64_t ends_after = 0;  ///< bytes sent and received, where it does not end in order
  std::uint64_t chance = 0;      ///< seed of its rests and pieces
};

struct session_plan {
  std::uint32_t number = 0;
  side_plan client;
  side_plan backend;
};

session_plan make_plan(std::uint64_t seed, std::uint32_t number);

/// What a client's stream begins with: who it is, and a word that nobody else would send.
inline constexpr std::size_t header_bytes = 16;
std::vector<std::byte> header_of(std::uint64_t seed, std::uint32_t number);
/// Nothing if these bytes are no header of this history.
std::optional<std::uint32_t> number_in(std::uint64_t seed, std::span<const std::byte, header_bytes> header);

}  // namespace sluice::history
