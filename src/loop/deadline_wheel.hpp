#pragma once

#include <array>
#include <cstdint>

namespace sluice::loop {

class deadline_wheel;

/// Monotonic time in nanoseconds, read once a turn.
using time_ns = std::int64_t;
inline constexpr time_ns never = INT64_MAX;

/// One deadline, to be a base or a member of what it belongs to. Filed in at most one wheel; removes itself when it dies.
/// Thread: its worker's.
class deadline {
 public:
  deadline() noexcept = default;
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() { cancel(); }

  bool is_filed() const noexcept { return next_ != nullptr; }
  time_ns due() const noexcept { return due_; }
  void cancel() noexcept;

 private:
  friend class deadline_wheel;
  deadline* next_ = nullptr;
  deadline* previous_ = nullptr;
  time_ns due_ = never;
};

/// A hierarchical hashed wheel with a tick of 1 ms: filing, re-filing and cancelling are O(1) and allocate nothing.
/// A deadline never fires early and at most two ticks late (once advance() is called).
class deadline_wheel {
 public:
  explicit deadline_wheel(time_ns now) noexcept;

  /// Files (or files anew) for `due`; a time that is past fires at the next advance().
  void file(deadline& entry, time_ns due) noexcept;

  /// Moves the wheel to `now` and calls fire(entry) for every deadline that is due, each already unfiled, so that fire may
  /// file it (or any other) again or destroy it. Jumps over any span (a suspended machine) without visiting every tick.
  template <typename Fire>
  void advance(time_ns now, Fire&& fire);

  /// When advance() should be called next; never if nothing is filed. May be early (a cascade), never late.
  time_ns next_wake() const noexcept;
};

}  // namespace sluice::loop
