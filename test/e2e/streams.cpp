#include "e2e/streams.hpp"

#include <sys/socket.h>

#include <future>

#include "support/loopback.hpp"
#include "support/peer_server.hpp"

namespace sluice::e2e {

using namespace support;

namespace {

constexpr std::uint64_t seed_of_client = 11;
constexpr std::uint64_t seed_of_backend = 22;

stream_received be_one_end(int fd, std::uint64_t own_seed, std::uint64_t n, std::size_t piece, std::uint64_t other_seed,
                           const reading& how) {
  auto sending = std::async(std::launch::async, [&] {
    send_stream(fd, own_seed, n, 0, piece);
    ::shutdown(fd, SHUT_WR);
  });
  const stream_received result = receive_stream(fd, other_seed, how);
  sending.get();
  return result;
}

}  // namespace

two_results run_two_streams(const std::string& front, int backend_listener, const two_streams& how) {
  if (how.receive_buffer != 0) set_receive_buffer(backend_listener, how.receive_buffer);
  const sys::unique_fd client = connect_with_receive_buffer(parse_address(front), how.receive_buffer);
  auto backend = std::async(std::launch::async, [&] {
    const sys::unique_fd fd = accept_from(backend_listener);
    return be_one_end(fd.get(), seed_of_backend, how.to_client, how.backend_piece, seed_of_client, how.by_backend);
  });
  two_results result;
  result.at_client =
      be_one_end(client.get(), seed_of_client, how.to_backend, how.client_piece, seed_of_backend, how.by_client);
  result.at_backend = backend.get();
  return result;
}

}  // namespace sluice::e2e
