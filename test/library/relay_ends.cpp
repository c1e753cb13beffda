#include "library/relay_ends.hpp"

#include <algorithm>
#include <utility>

namespace sluice::zero_copy::testing {
namespace {

support::socket_pair make_pair(family kind, support::io_mode mode) {
  return kind == family::tcp ? support::tcp_pair(mode) : support::unix_pair(mode);
}

}  // namespace

const std::vector<combination>& combinations() {
  static const std::vector<combination> all{
      {"TCP x TCP", family::tcp, family::tcp},
      {"TCP x unix", family::tcp, family::unix_stream},
      {"unix x TCP", family::unix_stream, family::tcp},
      {"unix x unix", family::unix_stream, family::unix_stream},
  };
  return all;
}

relay_ends::relay_ends(family of_client, family of_backend, support::io_mode relayed) {
  support::socket_pair clients = make_pair(of_client, relayed);
  support::socket_pair backends = make_pair(of_backend, relayed);
  client = std::move(clients.first);
  relayed_client = std::move(clients.second);
  relayed_backend = std::move(backends.first);
  backend = std::move(backends.second);
  support::set_blocking(client.get(), support::io_mode::non_blocking);
  support::set_blocking(backend.get(), support::io_mode::non_blocking);
}

std::future<relay_result> run_aside(const relay_ends& ends, const relay_options& options) {
  return std::async(std::launch::async, [client = ends.relayed_client.get(), backend = ends.relayed_backend.get(),
                                         options] { return relay_until_end(client, backend, options); });
}

bool poll_loop::turn(std::chrono::milliseconds wait) {
  if (ended_) return false;
  const relay_status status = relay_.step();
  ended_ = status == relay_status::ended;
  if (ended_) return false;
  const auto [client, backend] = relay_.waits_for();
  std::array<pollfd, 2> both{{{client.descriptor, client.events, 0}, {backend.descriptor, backend.events, 0}}};
  ::poll(both.data(), both.size(), status == relay_status::again ? 0 : static_cast<int>(wait.count()));
  for (const pollfd& one : both) relay_.ready(one.fd, static_cast<std::uint32_t>(one.revents));
  return true;
}

bool poll_loop::rests() {
  // A few turns take up what is there; then none may be told of anything.
  for (int i = 0; i < 20; ++i) {
    if (relay_.step() != relay_status::waiting) continue;
    const auto [client, backend] = relay_.waits_for();
    std::array<pollfd, 2> both{{{client.descriptor, client.events, 0}, {backend.descriptor, backend.events, 0}}};
    if (::poll(both.data(), both.size(), 20) == 0) return true;
    for (const pollfd& one : both) relay_.ready(one.fd, static_cast<std::uint32_t>(one.revents));
  }
  return false;
}

}  // namespace sluice::zero_copy::testing
