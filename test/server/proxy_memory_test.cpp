#include <cerrno>

#include "server/failing_frames.hpp"
#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("proxy: a client for whom there is no memory is refused, and nobody else notices", "[server][proxy]") {
  const support::fd_baseline baseline;
  // Setting a session up takes three frames: the story, the backend, the attempt.
  const int frame = GENERATE(1, 2, 3);
  CAPTURE(frame);
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  fail_frame(frame);
  CHECK(knock(port.address()) == ECONNRESET);
  CHECK(frames_to_fail() == 0);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::no_resources) == 1);
  check_passes(connect_through(port.address(), backend.fd.get()));
  proxy.check_at_rest();
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
}
