#include <string>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "sys/limits.hpp"

using namespace sluice;
using namespace sluice::support;

namespace {

/// Two descriptors a connection here, and two in the program.
void require_descriptors(std::size_t n) {
  const auto limit = static_cast<std::size_t>(sys::raise_descriptor_limit());
  INFO("this test needs " << n << " descriptors; raise the hard limit (ulimit -Hn), which is " << limit);
  REQUIRE(limit >= n);
}

}  // namespace

// FAULTS.md R4: a plain user gets 1,024 pipes of the ordinary size; pipes over that shrink.
TEST_CASE("e2e: as a plain user, more busy connections than there are pipes all get their bytes", "[e2e][slow][R4]") {
  require_descriptors(4'000);
  const fd_baseline descriptors;
  const std::size_t n = GENERATE(600U, 1'500U);
  const std::string relay = GENERATE("splice", "copy");
  CAPTURE(n, relay);
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.toml = "[service.busy]\nlisten = '" + front + "'\nbackends = '" + backend.address() +
                                 "'\nrelay = '" + relay + "'\n",
                         .as_plain_user = true});
  {
    crowd clients(parse_address(front), n);
    clients.exchange(200'000 / slowness, slowness * patience);
    clients.exchange(1, slowness * patience);
  }
  for (const auto& record : sluice.wait_sessions(n)) {
    CHECK(record.reason == "client_fin");
    CHECK(record.received == 200'000 / slowness + 1);
    CHECK(record.sent == record.received);
  }
  sluice.check_clean_end();
}

// DESIGN: an idle connection costs two descriptors and at most 1 KiB of user memory. It holds no pipe.
TEST_CASE("e2e: four thousand connections at rest hold two descriptors each, no pipe, and under 1 KiB", "[e2e][slow]") {
  require_descriptors(9'000);
  const fd_baseline descriptors;
  constexpr std::size_t n = 4'000;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  const std::size_t memory_before = memory_of(sluice.pid());
  {
    crowd clients(parse_address(front), n);
    clients.exchange(5'000, slowness * patience);
    REQUIRE(wait_until([&] { return pipes_of(sluice.pid()).bytes == 0; }));
    const descriptor_count now = descriptors_of(sluice.pid());
    CHECK(now.sockets == sluice.descriptors_at_start().sockets + 2 * n);
    CHECK(now.others == sluice.descriptors_at_start().others);
    // What pipes there are are the pool's, and empty: few were busy at a time.
    CHECK(pipes_of(sluice.pid()).pipes < 300);
    const std::size_t memory = memory_of(sluice.pid());
    INFO("before " << memory_before << " bytes, with " << n << " connections " << memory);
    // A sanitizer's own bookkeeping is not what is measured.
    if (slowness == 1) CHECK((memory - std::min(memory, memory_before)) / n <= 1'024);
  }
  sluice.wait_sessions(n / 2);
  CHECK(sluice.wait_at_rest(slowness * patience));
  sluice.check_clean_end();
}
