#include "e2e/connected_ends.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <span>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"

namespace sluice::e2e {

using namespace support;

connected_ends connect_ends(const std::string& front, int backend_listener) {
  connected_ends made;
  made.client = connect_to(parse_address(front));
  made.backend = accept_from(backend_listener);
  return made;
}

std::uint64_t send_stream_until_full(int fd, std::uint64_t seed) {
  // So long without room means that nobody is about to make any.
  constexpr std::chrono::milliseconds settled{100};
  const byte_stream stream(seed);
  std::vector<std::byte> piece(64 * 1024);
  std::uint64_t sent = 0;
  while (wait_writable(fd, settled)) {
    stream.fill(sent, piece);
    const ssize_t n = ::send(fd, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return sent;
    if (n > 0) sent += static_cast<std::uint64_t>(n);
  }
  return sent;
}

}  // namespace sluice::e2e
