#include "history/run.hpp"

#include <sys/socket.h>

#include <array>
#include <exception>
#include <utility>

#include "support/loopback.hpp"
#include "support/wait.hpp"

namespace sluice::history {
namespace {

/// The first bytes of a session; fewer if it ended before.
std::size_t read_header(int fd, std::span<std::byte, header_bytes> into, std::chrono::milliseconds patience) {
  std::size_t have = 0;
  while (have < header_bytes && support::wait_readable(fd, patience)) {
    const ssize_t n = ::recv(fd, into.data() + have, header_bytes - have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  return have;
}

}  // namespace

history_backends::history_backends(session_history& into, const history_settings& all, std::size_t count) {
  const auto treat = [&into, all](sys::unique_fd fd) {
    std::array<std::byte, header_bytes> header{};
    const std::size_t have = read_header(fd.get(), header, all.patience);
    if (have < header_bytes) return;  // its client was gone before its header came through
    if (const auto number = number_in(all.seed, header))
      into.add_backend(play_backend(std::move(fd), all, make_plan(all.seed, *number)));
    else
      into.add_stranger(have);
  };
  for (std::size_t i = 0; i < count; ++i) {
    support::listening_socket where = support::listen_tcp(AF_INET, 1'024);
    addresses_.push_back(where.address);
    servers_.push_back(std::make_unique<support::peer_server>(std::move(where), treat, all.threads + all.threads / 2));
  }
}

bool history_backends::wait_over(std::chrono::milliseconds timeout) const {
  return support::wait_until(
      [&] {
        for (const auto& one : servers_)
          if (one->treated() != one->accepted()) return false;
        return true;
      },
      timeout);
}

history_clients::history_clients(session_history& into, const history_settings& all,
                                 std::vector<sys::socket_address> fronts, std::uint32_t most)
    : most_(most) {
  for (std::size_t i = 0; i < all.threads; ++i)
    threads_.emplace_back([this, &into, all, fronts] { play(into, all, fronts); });
}

void history_clients::stop() {
  stopped_ = true;
  wait();
}

void history_clients::wait() {
  for (std::thread& one : threads_)
    if (one.joinable()) one.join();
}

void history_clients::play(session_history& into, const history_settings& all,
                           const std::vector<sys::socket_address>& fronts) {
  while (!stopped_) {
    const std::uint32_t count = next_++;
    if (count >= most_) return;
    const std::uint32_t number = first_client + count;
    sys::unique_fd fd;
    try {
      fd = support::connect_from(*sys::socket_address::from_literal(client_host(number), 0),
                                 fronts[number % fronts.size()]);
    } catch (const std::exception&) {
      return;  // nobody accepts any more
    }
    into.add_client(play_client(std::move(fd), all, make_plan(all.seed, number)));
  }
}

}  // namespace sluice::history
