#include <sys/socket.h>

#include <string>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;

TEST_CASE("e2e: one mapping on the command line carries a session, and its record says how", "[e2e]") {
  const fd_baseline descriptors;
  const peer_server backend([](unique_fd connection) { echo(connection.get()); });
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  {
    const unique_fd client = connect_to(parse_address(front));
    send_all(client.get(), "hello");
    CHECK(receive_text(client.get(), 5) == "hello");
    ::shutdown(client.get(), SHUT_WR);
    CHECK(receive_until_eof(client.get()).empty());
  }
  const auto records = sluice.wait_sessions(1);
  REQUIRE(records.size() == 1);
  CHECK(records[0].reason == "client_fin");
  CHECK(records[0].local == front);
  CHECK(records[0].backend == backend.address());
  CHECK(records[0].backend_address == backend.address());
  CHECK(records[0].received == 5);
  CHECK(records[0].sent == 5);
  CHECK(records[0].path == "spliced");
  CHECK(records[0].spliced == 10);
  CHECK(records[0].copied == 0);
  CHECK(records[0].attempts == 1);
  CHECK(records[0].error.empty());
  sluice.check_clean_end();
  backend.check();
}
