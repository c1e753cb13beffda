#pragma once

#include <atomic>

namespace sluice::log {

/// How pushers wake the log thread: a flag that says "asleep" and an eventfd behind it.
///
/// An eventfd rather than a futex because the log thread waits for three things at once (something to write, a blocked
/// destination, a time), which is what poll(2) does. Pushers only read the flag, so they share its cache line.
class waker {
 public:
  waker();  ///< throws std::system_error if there is no descriptor
  ~waker();
  waker(const waker&) = delete;
  waker& operator=(const waker&) = delete;

  /// After publishing work with a sequentially consistent store: together with announce_sleep() either the pusher
  /// sees the sleeper or the sleeper sees the work. Thread: any.
  void wake_if_asleep() noexcept {
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }
  /// Makes descriptor() readable whether or not anyone sleeps. Thread: any.
  void poke() noexcept;

  /// Thread of these three: the log thread. Look for work between announce_sleep() and waiting for descriptor().
  void announce_sleep() noexcept { asleep_.store(true, std::memory_order_seq_cst); }
  void awake() noexcept;
  int descriptor() const noexcept { return fd_; }

 private:
  void wake() noexcept;

  alignas(64) std::atomic<bool> asleep_{false};
  int fd_;
};

}  // namespace sluice::log
