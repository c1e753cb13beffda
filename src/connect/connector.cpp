#include "connect/connector.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

#include "sys/stream_io.hpp"

namespace sluice::connect {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;

int pending_error(int fd) noexcept {
  sys::kernel_stream_io io;
  return io.take_error(fd);
}

connected failed(int error) noexcept { return {{}, error, 0}; }

}  // namespace

loop::task<connected> connect(connect_place place, attempt wanted) {
  sys::fd_result made = sys::make_socket(wanted.address.family());
  if (!made) co_return failed(made.error);
  const int fd = made.fd.get();
  if (!wanted.address.is_unix()) {
    sys::set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    if (wanted.holds_ack) sys::hold_acknowledgement(fd);
  }

  int error = sys::connect(fd, wanted.address);
  for (loop::time_ns delay = millisecond; error == EAGAIN && wanted.address.is_unix(); delay *= 2) {
    if (place.now >= wanted.deadline) co_return failed(ETIMEDOUT);
    const loop::woken woke = co_await place.wait.until(std::min(place.now + delay, wanted.deadline));
    if (woke.reason == loop::wake::cancelled) co_return failed(ECANCELED);
    error = sys::connect(fd, wanted.address);
  }
  if (error != 0 && error != EINPROGRESS) co_return failed(error);
  if (const int refused = place.edges.add(fd, place.token)) co_return failed(refused);

  std::uint32_t told = 0;
  while (error == EINPROGRESS) {
    const loop::woken woke = co_await place.wait.until(wanted.deadline);
    if (woke.reason == loop::wake::cancelled) co_return failed(ECANCELED);
    if (woke.reason == loop::wake::deadline) co_return failed(ETIMEDOUT);
    if ((woke.edges & (EPOLLERR | EPOLLHUP)) != 0) {
      error = pending_error(fd);
      if (error == 0) error = ECONNRESET;
    } else if ((woke.edges & EPOLLOUT) != 0) {
      error = 0;
      told = woke.edges;
    }
  }
  if (error != 0) co_return failed(error);
  if (wanted.may_meet_itself && sys::local_address(fd) == wanted.address) co_return failed(ECONNREFUSED);
  co_return connected{std::move(made.fd), 0, told};
}

bool may_meet_itself(const sys::socket_address& address, const sys::local_ports& ports) noexcept {
  return address.is_loopback() && address.port() >= ports.first && address.port() <= ports.last;
}

bool is_local_shortage(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EADDRNOTAVAIL: return true;
    default: return false;
  }
}

}  // namespace sluice::connect
