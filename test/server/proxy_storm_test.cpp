#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/byte_stream.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// Sends back whatever comes, in one thread, and resets now and then instead.
class echo_backend {
 public:
  echo_backend(support::listening_socket socket, unsigned reset_one_in)
      : socket_(std::move(socket)), reset_one_in_(reset_one_in), thread_([this] { run(); }) {}
  echo_backend(const echo_backend&) = delete;
  echo_backend& operator=(const echo_backend&) = delete;
  ~echo_backend() {
    stopped_ = true;
    thread_.join();
  }
  const sys::socket_address& address() const { return socket_.address; }

 private:
  void run() {
    while (!stopped_) {
      std::vector<pollfd> wanted{{socket_.fd.get(), POLLIN, 0}};
      for (const sys::unique_fd& one : peers_) wanted.push_back({one.get(), POLLIN, 0});
      if (::poll(wanted.data(), wanted.size(), 10) <= 0) continue;
      for (std::size_t i = 0; i < peers_.size(); ++i)
        if (wanted[i + 1].revents != 0) answer(peers_[i]);
      std::erase_if(peers_, [](const sys::unique_fd& one) { return !one; });
      if (wanted[0].revents != 0) {
        sys::socket_address peer;
        while (sys::fd_result taken = sys::accept(socket_.fd.get(), peer)) peers_.push_back(std::move(taken.fd));
      }
    }
  }
  void answer(sys::unique_fd& peer) {
    char bytes[16 * 1024];
    const ssize_t n = ::recv(peer.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    const bool rude = reset_one_in_ != 0 && random_() % reset_one_in_ == 0;
    if (rude) sys::reset_on_close(peer.get());
    if (rude || n <= 0 || ::send(peer.get(), bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) peer.reset();
  }

  support::listening_socket socket_;
  unsigned reset_one_in_;
  std::minstd_rand random_{7};
  std::vector<sys::unique_fd> peers_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

/// What one client does with its connection.
enum class manners { polite, hasty, rude };

/// True if a polite client got back exactly what it sent.
bool visit(const sys::socket_address& proxy, manners how, std::uint64_t seed, std::size_t size) try {
  const auto sent = support::byte_stream(seed).bytes(0, size);
  sys::unique_fd client = support::connect_to(proxy);
  if (how == manners::hasty) return true;
  support::send_all(client.get(), sent);
  if (how == manners::rude) {
    support::reset(std::move(client));
    return true;
  }
  const bool right = support::receive_exactly(client.get(), size) == sent;
  ::shutdown(client.get(), SHUT_WR);
  return right && wait_for_end(client.get()) == 0;
} catch (const std::exception&) {
  return false;
}

struct outcome {
  std::atomic<int> polite{0};
  std::atomic<int> served{0};
};

std::thread visitors(const sys::socket_address& proxy, unsigned seed, int visits, outcome& sum) {
  return std::thread([&sum, proxy, seed, visits] {
    std::minstd_rand random(seed);
    for (int i = 0; i < visits; ++i) {
      const auto dice = random() % 10;
      const manners how = dice < 7 ? manners::polite : dice < 8 ? manners::hasty : manners::rude;
      const bool right = visit(proxy, how, seed * 1000 + static_cast<unsigned>(i), 1 + random() % 8'000);
      if (how != manners::polite) continue;
      ++sum.polite;
      if (right) ++sum.served;
    }
  });
}

}  // namespace

TEST_CASE("proxy: a storm of clients of all manners loses nobody who behaves", "[server][proxy][storm]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  const echo_backend tcp(support::listen_tcp(), 0);
  const echo_backend local(support::listen_unix(), 0);
  const held_ports port;
  support::listening_socket name = support::listen_unix();
  name.fd.reset();
  service_config service = make_service(
      tcp_address(port.first()), {address_of(closed.address), address_of(tcp.address()), address_of(local.address())});
  service.listeners.push_back(service.listeners[0]);
  service.listeners[1].listen = address_of(name.address);
  service.max_connections = 6;  // so that listeners rest and are woken by either worker
  running_proxy proxy(make_config(service, 2));
  outcome sum;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i <= 8; ++i) threads.push_back(visitors(i % 4 == 0 ? name.address : port.address(), i, 60, sum));
  for (std::thread& one : threads) one.join();
  CHECK(sum.polite > 0);
  CHECK(sum.served == sum.polite);
  proxy.check_at_rest();
  const stats seen = proxy.stats();
  CHECK(seen.rejected == 0);
  CHECK(seen.relay.bytes_copied == 0);
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
}

TEST_CASE("proxy: backends that reset at random break only what they reset", "[server][proxy][storm]") {
  const support::fd_baseline baseline;
  const echo_backend moody(support::listen_tcp(), 5);
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(moody.address())}, 2));
  outcome sum;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i <= 4; ++i) threads.push_back(visitors(port.address(), i, 60, sum));
  for (std::thread& one : threads) one.join();
  CHECK(sum.served > 0);
  CHECK(sum.served < sum.polite);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::relay_error) == 0);
}

TEST_CASE("proxy: cut in the middle of a storm, it ends at once and leaves nothing", "[server][proxy][storm]") {
  const support::fd_baseline baseline;
  const echo_backend backend(support::listen_tcp(), 0);
  for (int round = 0; round < 3; ++round) {
    const held_ports port;
    running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address())}, 2));
    outcome sum;
    std::vector<std::thread> threads;
    for (unsigned i = 1; i <= 4; ++i) threads.push_back(visitors(port.address(), i, 30, sum));
    CHECK(support::wait_until([&] { return proxy.stats().accepted >= 20; }));
    proxy.stop();
    proxy.stop();
    const exit_code code = proxy.result();
    CHECK((code == exit_code::cut || code == exit_code::done));
    for (std::thread& one : threads) one.join();
    CHECK(proxy.stats().active == 0);
    CHECK(proxy.closed() == proxy.stats().accepted);
    CHECK(proxy.stats().relay.pipes_in_use == 0);
  }
}
