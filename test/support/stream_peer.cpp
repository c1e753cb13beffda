#include "support/stream_peer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

namespace sluice::support {

using std::chrono::steady_clock;

void send_stream(int fd, std::uint64_t seed, std::uint64_t n, std::uint64_t from, std::size_t piece_bytes) {
  const byte_stream stream(seed);
  std::vector<std::byte> piece(piece_bytes);
  for (std::uint64_t done = 0; done < n;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(n - done, piece_bytes));
    stream.fill(from + done, std::span(piece).first(size));
    send_all(fd, std::span(piece).first(size));
    done += size;
  }
}

stream_received receive_stream(int fd, std::uint64_t seed, const reading& how) {
  stream_checker checker(seed);
  std::vector<std::byte> piece(how.piece_bytes);
  std::chrono::microseconds longest_wait{0};
  const auto ended = [&](stream_end end) { return stream_received{checker.position(), end, longest_wait}; };
  while (checker.position() < how.most) {
    const auto waits = steady_clock::now();
    if (!wait_readable(fd, how.timeout)) return ended(stream_end::silence);
    if (checker.position() > 0)
      longest_wait =
          std::max(longest_wait, std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - waits));
    if (how.linger.count() > 0) {
      const auto until = steady_clock::now() + how.linger;
      while (sys::unread_bytes(fd) < static_cast<long>(how.piece_bytes) && steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), how.most - checker.position()));
    const ssize_t n = ::recv(fd, piece.data(), wanted, MSG_DONTWAIT);
    if (n == 0) return ended(stream_end::eof);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return ended(stream_end::reset);
    if (!checker.take(std::span(piece).first(static_cast<std::size_t>(n)))) return ended(stream_end::corrupted);
  }
  return ended(stream_end::enough);
}

bool was_reset(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE;
}

void set_receive_buffer(int listener, int bytes) { sys::set_option(listener, SOL_SOCKET, SO_RCVBUF, bytes); }

sys::unique_fd connect_with_receive_buffer(const sys::socket_address& address, int bytes) {
  if (bytes == 0) return connect_to(address);
  sys::fd_result made = sys::make_socket(address.family());
  set_receive_buffer(made.fd.get(), bytes);
  sys::set_option(made.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  int error = sys::connect(made.fd.get(), address);
  if (error == EINPROGRESS) {
    if (!wait_writable(made.fd.get())) throw std::runtime_error("connect timed out");
    socklen_t size = sizeof error;
    ::getsockopt(made.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) throw std::system_error(error, std::generic_category(), "connect");
  return std::move(made.fd);
}

}  // namespace sluice::support
