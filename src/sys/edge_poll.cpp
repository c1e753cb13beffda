#include "sys/edge_poll.hpp"

#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

#include "sys/call.hpp"

namespace sluice::sys {
namespace {

int control(int set, int operation, int fd, std::uint64_t token, std::uint32_t edges) noexcept {
  epoll_event event{};
  event.events = edges | EPOLLET;
  event.data.u64 = token;
  return ::epoll_ctl(set, operation, fd, &event) == 0 ? 0 : errno;
}

}  // namespace

edge_poll::edge_poll() noexcept : set_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!set_) error_ = errno;
}

int edge_poll::add(int fd, std::uint64_t token, std::uint32_t edges) noexcept {
  return control(set_.get(), EPOLL_CTL_ADD, fd, token, edges);
}

int edge_poll::modify(int fd, std::uint64_t token, std::uint32_t edges) noexcept {
  return control(set_.get(), EPOLL_CTL_MOD, fd, token, edges);
}

int edge_poll::remove(int fd) noexcept { return ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0 ? 0 : errno; }

std::span<const epoll_event> edge_poll::wait(std::span<epoll_event> into, int timeout_ms) noexcept {
  constexpr const sigset_t* same_signals = nullptr;
  const long n = call(SYS_epoll_pwait, set_.get(), into.data(), into.size(), timeout_ms, same_signals, 0);
  return into.first(n > 0 ? static_cast<std::size_t>(n) : 0);
}

}  // namespace sluice::sys
