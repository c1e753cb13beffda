#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace sluice::support {

/// What happens to the bytes of one direction. Each value by itself does nothing when it is absent or 0.
struct faults {
  std::chrono::milliseconds latency{0};  ///< every byte, and the end of file, comes so much later
  std::chrono::milliseconds jitter{0};   ///< and up to so much more, in order all the same
  std::uint64_t bytes_per_second = 0;
  std::size_t slice_bytes = 0;              ///< no more than this is sent at once
  std::chrono::microseconds slice_gap{0};   ///< rest between two slices
  std::chrono::milliseconds slow_close{0};  ///< an end of file comes so much later
  /// After so many bytes nothing passes any more, no end of file nor reset either; what comes is swallowed.
  std::optional<std::uint64_t> black_hole_after = {};
  std::optional<std::uint64_t> reset_after = {};  ///< both sides are reset once so many bytes have passed
  std::optional<std::uint64_t> cut_after = {};    ///< both sides are closed in order once so many bytes have passed
  /// The share of connections that any of this happens to.
  double probability = 1.0;
  /// Changes what has come, as it likes: for bugs planted in tests. The position is that of its first byte.
  std::function<void(std::vector<std::byte>& piece, std::uint64_t position)> tamper = {};
};

/// One direction of a connection of a fault_relay: what has been read and not yet sent, and when it may be.
class fault_lane {
 public:
  using clock = std::chrono::steady_clock;
  enum class state {
    open,
    ended,   ///< its end of file was passed on
    reset,   ///< its source was reset and all before it has been sent, or it is to be reset here
    cut,     ///< it is to be closed here
    broken,  ///< its sink takes no more
  };

  fault_lane(const faults& what, std::mt19937_64& random, bool hides_resets);

  /// Reads what there is and sends what is due. `source` may be -1: gone without the sink being told.
  void move(int source, int sink, clock::time_point now);

  state now_is() const noexcept { return state_; }
  /// A send to its source has failed: the end of file it will read is a reset.
  void source_is_broken() noexcept { source_broken_ = true; }
  /// From now on what comes goes nowhere.
  void swallow() noexcept;
  bool swallows() const noexcept { return swallows_; }
  bool source_ended() const noexcept { return source_ended_; }
  bool source_was_reset() const noexcept { return source_reset_; }
  bool wants_in() const noexcept;
  bool wants_out() const noexcept { return blocked_; }
  /// When it wants to be moved again though nothing is readable or writable; max() for never.
  clock::time_point due() const noexcept;
  std::uint64_t received() const noexcept { return received_; }
  std::uint64_t sent() const noexcept { return sent_; }

 private:
  struct piece {
    std::vector<std::byte> bytes;
    std::size_t sent = 0;
    clock::time_point due;
  };

  void fill(int source, clock::time_point now);
  void take(std::vector<std::byte> bytes, clock::time_point now);
  void drain(int sink, clock::time_point now);
  std::size_t allowed(const piece& next) const noexcept;
  clock::time_point later(clock::time_point now, std::chrono::milliseconds more);

  faults what_;
  std::mt19937_64 random_;
  bool hides_resets_;
  state state_ = state::open;
  std::deque<piece> queue_;
  std::size_t queued_bytes_ = 0;
  clock::time_point last_due_{};
  clock::time_point next_slice_{};
  std::optional<clock::time_point> end_due_;
  bool source_ended_ = false;
  bool source_reset_ = false;
  bool source_broken_ = false;
  bool swallows_ = false;
  bool blocked_ = false;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace sluice::support
