#include "support/signal_storm.hpp"

#include <atomic>

namespace sluice::support {
namespace {

std::atomic<std::uint64_t> handled{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

void set_timer(std::chrono::microseconds period) {
  itimerval every{};
  every.it_interval.tv_usec = period.count();
  every.it_value = every.it_interval;
  ::setitimer(ITIMER_REAL, &every, nullptr);
}

}  // namespace

signal_storm::signal_storm(std::chrono::microseconds period) {
  handled = 0;
  struct sigaction count {};
  count.sa_handler = [](int) { handled.fetch_add(1, std::memory_order_relaxed); };
  ::sigaction(SIGALRM, &count, nullptr);
  set_timer(period);
}

/// The handler stays: a signal may still be on its way, a good while under ThreadSanitizer, and would end the program.
signal_storm::~signal_storm() { set_timer(std::chrono::microseconds(0)); }

std::uint64_t signal_storm::signals() const noexcept { return handled.load(std::memory_order_relaxed); }

storm_shelter::storm_shelter() {
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_BLOCK, &alarm, &before_);
}

storm_shelter::~storm_shelter() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace sluice::support
