#pragma once

#include <signal.h>
#include <sys/time.h>

#include <chrono>
#include <cstdint>

namespace sluice::support {

/// While it lives, SIGALRM interrupts this process every `period`; no call is restarted by the kernel. One at a time.
/// Threads that are not to be interrupted take a storm_shelter.
class signal_storm {
 public:
  explicit signal_storm(std::chrono::microseconds period);
  signal_storm(const signal_storm&) = delete;
  signal_storm& operator=(const signal_storm&) = delete;
  ~signal_storm();

  /// Signals handled since it began.
  std::uint64_t signals() const noexcept;
};

/// Keeps the storm's signals from the calling thread, and from the threads it starts.
class storm_shelter {
 public:
  storm_shelter();
  storm_shelter(const storm_shelter&) = delete;
  storm_shelter& operator=(const storm_shelter&) = delete;
  ~storm_shelter();

 private:
  sigset_t before_;
};

}  // namespace sluice::support
