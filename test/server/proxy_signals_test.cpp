#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/signal_storm.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// One end says all it has, then end of file, and hears the other's answer whole. True if all of it is right.
bool ask(int fd, std::uint64_t seed, std::size_t bytes, std::size_t answer) {
  support::send_all(fd, support::byte_stream(seed).bytes(0, bytes));
  ::shutdown(fd, SHUT_WR);
  return support::receive_until_eof(fd) == support::byte_stream(seed + 1).bytes(0, answer);
}

/// The other end answers only once it has been told all.
bool answer_after_eof(int fd, std::uint64_t seed, std::size_t bytes, std::size_t answer) {
  if (support::receive_until_eof(fd) != support::byte_stream(seed).bytes(0, bytes)) return false;
  support::send_all(fd, support::byte_stream(seed + 1).bytes(0, answer));
  ::shutdown(fd, SHUT_WR);
  return true;
}

}  // namespace

// FAULTS.md O6: L1 while a signal interrupts whatever the proxy's threads do.
TEST_CASE("proxy: with a signal every millisecond a half-close loses no byte, and nothing fails",
          "[server][proxy][O6]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}, 2));
  // This thread and those it starts from here on are spared: the storm has only the proxy's to choose from.
  const support::storm_shelter shelter;
  const support::signal_storm storm(std::chrono::microseconds(1'000));
  std::minstd_rand random(1);
  int wrong = 0;
  constexpr int runs = 500;
  for (int run = 0; run < runs; ++run) {
    const std::size_t bytes = random() % (run % 10 == 0 ? 3'000'000 : 200'000);
    const std::size_t answer = random() % 50'000;
    const support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    const bool by_client = run % 2 == 0;
    const int asking = by_client ? ends.first.get() : ends.second.get();
    const int answering = by_client ? ends.second.get() : ends.first.get();
    const auto seed = static_cast<std::uint64_t>(run) * 2;
    auto other = std::async(std::launch::async, [&] { return answer_after_eof(answering, seed, bytes, answer); });
    const bool asked = ask(asking, seed, bytes, answer);
    const bool answered = other.get();
    wrong += asked && answered ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(storm.signals() >= 100);  // else nothing was interrupted
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::client_fin) == runs / 2);
  CHECK(proxy.closed(close_reason::backend_fin) == runs / 2);
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
}
