#include "sys/sigpipe_guard.hpp"

#include "support/catch.hpp"

using sluice::sys::sigpipe_guard;

namespace {

bool is_blocked() {
  sigset_t mask;
  REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
  return ::sigismember(&mask, SIGPIPE) == 1;
}

bool is_pending() {
  sigset_t pending;
  REQUIRE(::sigpending(&pending) == 0);
  return ::sigismember(&pending, SIGPIPE) == 1;
}

void block(int how) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGPIPE);
  REQUIRE(::pthread_sigmask(how, &one, nullptr) == 0);
}

void take_pending() {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGPIPE);
  constexpr timespec at_once{0, 0};
  CHECK(::sigtimedwait(&one, nullptr, &at_once) == SIGPIPE);
}

}  // namespace

TEST_CASE("sigpipe guard: a signal raised under it neither kills nor stays", "[sys][sigpipe]") {
  REQUIRE_FALSE(is_blocked());
  {
    sigpipe_guard guard;
    CHECK(is_blocked());
    REQUIRE(::pthread_kill(::pthread_self(), SIGPIPE) == 0);
    guard.expect_signal();
    CHECK(is_pending());
  }
  CHECK_FALSE(is_blocked());
  CHECK_FALSE(is_pending());
}

TEST_CASE("sigpipe guard: who had it blocked has it blocked, and only his own signal waiting", "[sys][sigpipe]") {
  block(SIG_BLOCK);
  for (const bool had_one : {false, true}) {
    CAPTURE(had_one);
    if (had_one) REQUIRE(::pthread_kill(::pthread_self(), SIGPIPE) == 0);
    {
      sigpipe_guard guard;
      REQUIRE(::pthread_kill(::pthread_self(), SIGPIPE) == 0);
      guard.expect_signal();
    }
    CHECK(is_blocked());
    CHECK(is_pending() == had_one);
  }
  take_pending();
  block(SIG_UNBLOCK);
}
