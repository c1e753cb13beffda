#pragma once

#include <chrono>
#include <thread>

namespace sluice::support {

/// Under sanitizers everything takes longer: what a test allows the program to take is multiplied by this.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 5;
#else
inline constexpr int slowness = 1;
#endif

/// How long a test waits for what must happen. Long, since it is only ever spent by a test that fails.
inline constexpr std::chrono::seconds patience{10};

/// poll(2) on one descriptor: the events that came, 0 when the time was over.
short poll_events(int fd, short events, std::chrono::milliseconds timeout);

bool wait_readable(int fd, std::chrono::milliseconds timeout = patience);
bool wait_writable(int fd, std::chrono::milliseconds timeout = patience);

/// What poll(2) says of the descriptor at this moment.
bool is_readable(int fd);
bool is_writable(int fd);

/// Looks at a condition every millisecond until it holds; false when the time was over.
template <typename Condition>
bool wait_until(Condition&& condition, std::chrono::milliseconds timeout = patience) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace sluice::support
