#include "sys/sigpipe_guard.hpp"

#include <ctime>

namespace sluice::sys {
namespace {

sigset_t only_sigpipe() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

sigpipe_guard::sigpipe_guard() noexcept {
  const sigset_t one = only_sigpipe();
  ::pthread_sigmask(SIG_BLOCK, &one, &before_);
  // One that is not blocked is delivered at once: only a blocked one can have been waiting.
  if (::sigismember(&before_, SIGPIPE) != 1) return;
  sigset_t pending;
  was_pending_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
}

sigpipe_guard::~sigpipe_guard() {
  if (raised_ && !was_pending_) {
    const sigset_t one = only_sigpipe();
    constexpr timespec at_once{0, 0};
    ::sigtimedwait(&one, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace sluice::sys
