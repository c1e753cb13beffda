#include "sys/poll.hpp"

#include <sys/eventfd.h>

#include <ctime>

namespace sluice::sys {

int poll(std::span<pollfd> descriptors, std::int64_t timeout_ns) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  const timespec timeout{timeout_ns / second, timeout_ns % second};
  const int told = ::ppoll(descriptors.data(), descriptors.size(), timeout_ns < 0 ? nullptr : &timeout, nullptr);
  if (told >= 0) return told;
  for (pollfd& one : descriptors) one.revents = 0;
  return 0;
}

wake_flag::wake_flag() noexcept : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void wake_flag::raise() const noexcept { ::eventfd_write(fd_.get(), 1); }

}  // namespace sluice::sys
