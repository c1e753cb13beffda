#pragma once

#include <signal.h>

namespace sluice::sys {

/// Keeps SIGPIPE from its thread while it lives, and nothing else: no handler is set, no other thread notices.
///
/// splice(2) and write(2) raise it in the thread that calls them when the other side is gone, and splice has no flag
/// against it. So it is blocked (pthread_sigmask(3)), and one that our calls raised is taken away (sigtimedwait(2))
/// before the mask is put back. One that was pending before stays pending. Thread: the one that made it.
class sigpipe_guard {
 public:
  sigpipe_guard() noexcept;
  ~sigpipe_guard();
  sigpipe_guard(const sigpipe_guard&) = delete;
  sigpipe_guard& operator=(const sigpipe_guard&) = delete;

  /// To be told when a call failed with EPIPE: its signal is taken away at the end.
  void expect_signal() noexcept { raised_ = true; }

 private:
  sigset_t before_;
  bool was_pending_ = false;
  bool raised_ = false;
};

}  // namespace sluice::sys
