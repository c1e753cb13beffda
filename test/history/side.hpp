#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "history/plan.hpp"

#include "sys/unique_fd.hpp"

namespace sluice::history {

/// What one end of a session has seen.
struct side_history {
  std::uint32_t number = 0;
  std::uint64_t sent = 0;      ///< bytes the kernel took
  std::uint64_t received = 0;  ///< right ones, from the beginning
  bool wrong_byte = false;     ///< the next was not the one that was sent
  bool fin_sent = false;
  bool ended_itself = false;  ///< by reset or close, as planned
  bool saw_end = false;       ///< an end of file
  bool saw_reset = false;
  bool stalled = false;  ///< nothing moved though there was something to move
  std::chrono::steady_clock::time_point begun{};
  std::chrono::steady_clock::time_point over{};
};

/// What all sessions of a history share.
struct history_settings {
  std::uint64_t seed = 1;
  std::size_t threads = 16;  ///< sessions at a time; backends take half as many more each
  /// Where nothing moves for so long somebody has forgotten somebody.
  std::chrono::milliseconds patience{20'000};
};

/// A client: sends its header, then plays its part to the end.
side_history play_client(sys::unique_fd fd, const history_settings& all, const session_plan& plan);
/// A backend whose client has told its number: `header_bytes` are read.
side_history play_backend(sys::unique_fd fd, const history_settings& all, const session_plan& plan);

}  // namespace sluice::history
