// Backends that are sluice itself (FAULTS.md B9).
#include <string>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/name_server.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// A network with an interface that has 192.0.2.5, 2001:db8::5 and fe80::5.
void add_addresses() {
  run_ip("link add inner type veth peer name outer");
  run_ip("addr add 192.0.2.5/24 dev inner");
  run_ip("addr add 2001:db8::5/64 dev inner nodad");
  run_ip("addr add fe80::5/64 dev inner nodad");
  run_ip("link set inner up");
  run_ip("link set outer up");
}

struct mapping {
  const char* listen;
  const char* backend;
};

run_result check_mapping(const std::string& listen, const std::string& backend) {
  const temporary_directory files;
  const std::string path = files.write("loop.toml", "[forward]\n\"" + listen + "\" = \"" + backend + "\"\n");
  return run({.argv = {sluice_program(), "check", "-c", path}}, slowness * patience);
}

}  // namespace

TEST_CASE("e2e: a backend that is an address of this machine, behind a listener on every address, is refused",
          "[e2e][B9]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  add_addresses();
  const mapping loop =
      GENERATE(mapping{"8080", "192.0.2.5:8080"}, mapping{"0.0.0.0:8080", "192.0.2.5:8080"},
               mapping{"8080", "[::ffff:192.0.2.5]:8080"}, mapping{"8080", "[2001:db8::5]:8080"},
               mapping{"[::]:8080", "[2001:db8::5]:8080"}, mapping{"[::]:8080", "[fe80::5%inner]:8080"},
               mapping{"8000-8099", "192.0.2.5:8000-8099"});
  CAPTURE(loop.listen, loop.backend);
  const run_result checked = check_mapping(loop.listen, loop.backend);
  CAPTURE(checked.output);
  CHECK(checked.code == 78);
  CHECK(checked.output.find("loop.toml:2:") != std::string::npos);
  CHECK(checked.output.find("error[loop]: " + std::string(loop.backend) + " is sluice itself") != std::string::npos);
  CHECK(checked.output.find(" is an address of this machine: name another one") != std::string::npos);
  const run_result run = run_sluice({.arguments = {std::string(loop.listen) + '=' + loop.backend}});
  CHECK(run.code == 78);
  CHECK(run.output.find("command line:1:") != std::string::npos);
}

TEST_CASE("e2e: an address of this machine that no listener of sluice has is a backend like another", "[e2e][B9]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  add_addresses();
  const mapping fine =
      GENERATE(mapping{"8080", "192.0.2.5:8081"}, mapping{"8080", "192.0.2.6:8080"},
               mapping{"127.0.0.1:8080", "192.0.2.5:8080"}, mapping{"[::]:8080", "192.0.2.5:8080"},
               mapping{"0.0.0.0:8080", "[2001:db8::5]:8080"}, mapping{"[::]:8080", "[2001:db8::6]:8080"},
               mapping{"[::]:8080", "[fe80::6%inner]:8080"}, mapping{"[::]:8080", "[fe80::5%outer]:8080"},
               mapping{"unix:/run/x", "192.0.2.5:8080"}, mapping{"8080", "192.0.2.255:8080"});
  CAPTURE(fine.listen, fine.backend);
  const run_result checked = check_mapping(fine.listen, fine.backend);
  CAPTURE(checked.output);
  CHECK(checked.code == 0);
}

TEST_CASE("e2e: an address is this machine's in its own network alone", "[e2e][B9]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network other;
  {
    const own_network network;
    add_addresses();
    CHECK(check_mapping("8080", "192.0.2.5:8080").code == 78);
  }
  CHECK(check_mapping("8080", "192.0.2.5:8080").code == 0);
}

TEST_CASE("e2e: a name that comes to mean sluice itself is not used, and the log says so once", "[e2e][B9]") {
  const fd_baseline descriptors;
  const std::string port = std::to_string(free_ports());
  const std::string front = "127.0.0.1:" + port;
  const peer_server good(listen_at(parse_address("127.0.0.2:" + port)), answer_with("g"), 2);
  name_server dns;
  dns.start("host-record=web.test,127.0.0.2\n");
  sluice_process sluice({.toml = "[service.s]\nlisten = '" + front + "'\nbackends = ['web.test:" + port +
                                 "']\n[dns]\nservers = ['" + dns.address() + "']\nttl_max = '1s'\n"});
  const std::string said = "web.test:" + port + " of service s leads to " + front + ", which is sluice itself";
  CHECK(first_answer(front) == "g");
  dns.start("host-record=web.test,127.0.0.1\n");
  REQUIRE(sluice.program().wait_output(said));
  for (int i = 0; i < 10; ++i) CHECK(first_answer(front).empty());
  dns.start("host-record=web.test,127.0.0.1\nhost-record=web.test,127.0.0.2\n");
  CHECK(wait_until([&] { return first_answer(front) == "g"; }));
  for (int i = 0; i < 10; ++i) CHECK(first_answer(front) == "g");
  CHECK(count_of(sluice.output(), said) == 1);
  sluice.check_clean_end();
}

TEST_CASE("e2e: services whose names come to mean one another do not go round", "[e2e][B9]") {
  const fd_baseline descriptors;
  name_server dns;
  dns.start("host-record=a.test,127.0.0.1\nhost-record=b.test,127.0.0.1\n");
  const std::uint16_t first = free_ports(2);
  const std::string a = "127.0.0.1:" + std::to_string(first);
  const std::string b = "127.0.0.1:" + std::to_string(first + 1);
  sluice_process sluice(
      {.toml = "[service.a]\nlisten = '" + a + "'\nbackends = [{ address = 'b.test:" + std::to_string(first + 1) +
               "', resolve = 'all' }]\n[service.b]\nlisten = '" + b +
               "'\nbackends = ['a.test:" + std::to_string(first) + "']\n[dns]\nservers = ['" + dns.address() + "']\n"});
  REQUIRE(sluice.program().wait_output("a.test:" + std::to_string(first) + " of service b leads to " + a));
  CHECK(first_answer(a).empty());
  CHECK(first_answer(b).empty());
  // The first by way of the second, where it ended.
  sluice.wait_sessions(3);
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == 3U);
  figure("B9", "exit 78 with file, line and column; a name that means sluice itself costs a client one session");
}
