#include <cstddef>
#include <vector>

#include "server/failing_frames.hpp"
#include "server/proxy_fixture.hpp"

using namespace sluice;
using namespace sluice::test;

// Sanitizers and the test's own threads allocate; nothing here does between the two readings but the proxy.
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
  const std::size_t before = allocations();
  bool all_passed = true;
  for (int i = 0; i < 500 && all_passed; ++i)
    all_passed = pass(ends.first.get(), ends.second.get()) && pass(ends.second.get(), ends.first.get());
  const std::size_t after = allocations();
  CHECK(all_passed);
  CHECK(after == before);
  CHECK(before > 0);  // so it does count
}
