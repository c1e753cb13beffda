#include "log/waker.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace sluice::log {

waker::waker() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "log: eventfd");
}

waker::~waker() { ::close(fd_); }

void waker::poke() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is about to overflow, and then the descriptor is readable anyway.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void waker::wake() noexcept {
  // Of many pushers that see the flag one makes the system call.
  if (asleep_.exchange(false, std::memory_order_seq_cst)) poke();
}

void waker::awake() noexcept {
  asleep_.store(false, std::memory_order_seq_cst);
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
}

}  // namespace sluice::log
