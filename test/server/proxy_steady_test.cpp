#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/failing_frames.hpp"
#include "server/proxy_fixture.hpp"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("proxy: moving a message allocates nothing", "[server]") {
  const held_ports front;
  const support::listening_socket backend = support::listen_tcp();
  running_proxy proxy(make_config(tcp_address(front.first()), {address_of(backend.address)}));
  const support::socket_pair ends = connect_through(front.address(), backend.fd.get());
  check_passes(ends);

  const std::size_t size = GENERATE(std::size_t{64}, std::size_t{16'384});
  const std::vector<std::byte> message(size, std::byte{'m'});
  std::vector<std::byte> room(size);
  const auto pass = [&](int from, int to) {
    if (::send(from, message.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) return false;
    for (std::size_t got = 0; got < size;) {
      if (!support::wait_readable(to)) return false;
      const ssize_t n = ::recv(to, room.data(), size - got, MSG_DONTWAIT);
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    return true;
  };
  REQUIRE(pass(ends.first.get(), ends.second.get()));  // the first one makes the pipe
  bool all_passed = true;
  std::size_t fewest = SIZE_MAX;
  // The watchdog posts a message once a second: a round in which it didn't shows what messages cost.
  for (int round = 0; round < 20 && fewest > 0 && all_passed; ++round) {
    const std::size_t before = allocations();
    for (int i = 0; i < 200 && all_passed; ++i)
      all_passed = pass(ends.first.get(), ends.second.get()) && pass(ends.second.get(), ends.first.get());
    fewest = std::min(fewest, allocations() - before);
  }
  CHECK(all_passed);
  CHECK(fewest == 0);
  CHECK(allocations() > 0);  // so it does count
}
