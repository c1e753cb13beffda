#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::loop {

class deadline_list;
class deadline_wheel;

/// Monotonic time in nanoseconds, not negative, read once a turn.
using time_ns = std::int64_t;
inline constexpr time_ns never = INT64_MAX;

/// A span as the configuration says it.
constexpr time_ns nanoseconds(std::chrono::milliseconds span) noexcept {
  return std::chrono::nanoseconds(span).count();
}

/// A place in a circular list. A list's own link is its sentinel, so that a link leaves its list without knowing which.
class deadline_link {
 public:
  deadline_link() noexcept = default;
  deadline_link(const deadline_link&) = delete;
  deadline_link& operator=(const deadline_link&) = delete;

 protected:
  ~deadline_link() = default;
  void unlink() noexcept;

 private:
  friend class deadline_list;
  deadline_link* next_ = nullptr;
  deadline_link* previous_ = nullptr;

 protected:
  bool is_linked() const noexcept { return next_ != nullptr; }
};

/// One deadline, to be a base or a member of what it belongs to; 24 bytes. Filed in at most one wheel; removes itself
/// when it dies. Thread: its worker's.
class deadline : private deadline_link {
 public:
  deadline() noexcept = default;
  ~deadline() { cancel(); }

  bool is_filed() const noexcept { return is_linked(); }
  /// What it was last filed for; never if that never happened.
  time_ns due() const noexcept { return due_; }
  void cancel() noexcept {
    if (is_linked()) unlink();
  }

 private:
  friend class deadline_list;
  friend class deadline_wheel;
  time_ns due_ = never;
};

/// A circular list of deadlines, first in first out. Owns none of them: those left when it dies are no longer filed.
class deadline_list : private deadline_link {
 public:
  deadline_list() noexcept;
  ~deadline_list();

  bool empty() const noexcept;
  void push(deadline& entry) noexcept;
  /// Unlinks the first entry; nullptr if there is none.
  deadline* pop() noexcept;
  /// Moves all of `other` to the end of this list.
  void take(deadline_list& other) noexcept;
};

/// A hierarchical hashed wheel with a tick of about 1 ms (2^20 ns): filing, filing anew and cancelling are O(1) and
/// allocate nothing. A deadline never fires early, and less than a tick late if advance() is called at next_wake().
///
/// Level n has 64 slots of 64^n ticks. An entry stands at the level of the highest digit (base 64) in which its tick
/// differs from the current one, in the slot of that digit: so every entry of a level is ahead of the current slot
/// there and behind none, and a level's entries all come before the next level's. Eight levels reach past `never`.
///
/// Dying, it leaves the entries unfiled. Thread: its worker's.
class deadline_wheel {
 public:
  explicit deadline_wheel(time_ns now) noexcept;
  deadline_wheel(const deadline_wheel&) = delete;
  deadline_wheel& operator=(const deadline_wheel&) = delete;

  /// Files (or files anew) for `due`; a time that is past fires at the next advance(), `never` is not filed.
  void file(deadline& entry, time_ns due) noexcept;

  /// Moves the wheel to `now` and calls fire(deadline&) for every deadline that is due, in no particular order, each
  /// already unfiled, so that fire may file it (or any other) again, cancel or destroy any. What fire files for a time
  /// that is past waits for the next advance(). Jumps over any span (a suspended machine) without visiting every tick.
  /// Not reentrant.
  template <typename Fire>
  void advance(time_ns now, Fire&& fire) {
    collect(now);
    while (deadline* entry = firing_.pop()) fire(*entry);
  }

  /// When advance() should be called next; never if nothing is filed. May be early (a cascade), never late.
  time_ns next_wake() const noexcept;

 private:
  static constexpr unsigned tick_bits = 20;
  static constexpr unsigned slot_bits = 6;
  static constexpr std::size_t slots = 1U << slot_bits;
  static constexpr std::size_t levels = 8;

  static std::uint64_t tick_at_or_after(time_ns due) noexcept;

  void place(deadline& entry) noexcept;
  void collect(time_ns now) noexcept;

  std::array<std::array<deadline_list, slots>, levels> slots_;
  /// A bit for every slot that may hold entries: a cancel leaves its bit, which whoever finds the slot empty clears.
  mutable std::array<std::uint64_t, levels> occupied_{};
  deadline_list past_;  ///< filed for a time that was past, for the next advance()
  deadline_list firing_;
  time_ns now_;
  std::uint64_t tick_;
};

}  // namespace sluice::loop
