#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include "loop/deadline_wheel.hpp"

namespace sluice::loop {

/// Why a waiting coroutine runs again.
enum class wake : std::uint8_t { edge, deadline, called, cancelled };

/// Why, and for an edge which ones (epoll's bits).
struct woken {
  wake reason = wake::edge;
  std::uint32_t edges = 0;
};

/// The one place where a session's set-up waits: for an edge on a socket, a deadline, a call by another
/// session, or to be told to give up. Whoever
/// owns the session calls resume(). Thread: its worker's.
class wait_point {
 public:
  wait_point(deadline_wheel& wheel, deadline& entry) noexcept : wheel_(wheel), entry_(entry) {}
  wait_point(const wait_point&) = delete;
  wait_point& operator=(const wait_point&) = delete;

  bool is_waiting() const noexcept { return static_cast<bool>(waiting_); }

  /// Awaitable: suspends until resume(), with `due` filed. A wait after cancel() ends at once.
  auto until(time_ns due) noexcept {
    struct awaiter {
      wait_point& point;
      time_ns due;
      bool await_ready() const noexcept { return point.cancelled_; }
      void await_suspend(std::coroutine_handle<> waiting) noexcept {
        point.waiting_ = waiting;
        point.wheel_.file(point.entry_, due);
      }
      woken await_resume() const noexcept { return point.cancelled_ ? woken{wake::cancelled, 0} : point.woken_; }
    };
    return awaiter{*this, due};
  }

  /// Runs the waiting coroutine until it waits again or ends. Nothing if none waits.
  void resume(woken why) noexcept {
    woken_ = why;
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

  /// Every wait from now on ends with `cancelled`.
  void cancel() noexcept {
    cancelled_ = true;
    resume({wake::cancelled, 0});
  }

 private:
  deadline_wheel& wheel_;
  deadline& entry_;
  std::coroutine_handle<> waiting_;
  woken woken_;
  bool cancelled_ = false;
};

}  // namespace sluice::loop
