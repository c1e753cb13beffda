#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/name_server.hpp"
#include "support/peer_server.hpp"
#include "support/process.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using namespace std::chrono_literals;

namespace {

/// Backends on one port of 127.0.0.1, 127.0.0.2 ..., each of which answers a byte with its own last digit.
class neighbours {
 public:
  explicit neighbours(int n, std::uint16_t at = free_ports()) : port(at) {
    for (int i = 1; i <= n; ++i) {
      const auto name = [i](const unique_fd& connection) {
        if (receive_text(connection.get(), 1) == "?") send_all(connection.get(), std::to_string(i));
        char rest = 0;
        wait_readable(connection.get());
        static_cast<void>(::recv(connection.get(), &rest, 1, 0));
      };
      servers_.push_back(std::make_unique<peer_server>(
          listen_at(parse_address("127.0.0." + std::to_string(i) + ':' + std::to_string(port))), name, 4));
    }
  }
  const std::uint16_t port;

 private:
  std::vector<std::unique_ptr<peer_server>> servers_;
};

/// Who answers a new client. Throws if nobody does.
char ask(const std::string& front) {
  const unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "?");
  return receive_text(client.get(), 1).front();
}

/// Until everybody that answers is one of these, and each of them does.
bool until_served_by(const std::string& front, std::string wanted, std::chrono::milliseconds timeout) {
  std::sort(wanted.begin(), wanted.end());
  return wait_until(
      [&] {
        std::string seen;
        for (std::size_t i = 0; i < 4 * wanted.size(); ++i) {
          const char who = ask(front);
          if (seen.find(who) == std::string::npos) seen += who;
        }
        std::sort(seen.begin(), seen.end());
        return seen == wanted;
      },
      timeout);
}

std::string service(const std::string& front, const std::string& keys, const std::string& dns = {}) {
  // Each worker begins elsewhere in the round, so with two of them shares are exact.
  return "[limits]\nworkers = 2\n[service.s]\nlisten = '" + front + "'\n" + keys + '\n' +
         (dns.empty() ? "" : "[dns]\nservers = ['" + dns + "']\ntimeout = '200ms'\nttl_max = '1s'\n");
}

constexpr auto ttl_and_a_second = slowness * 2s;

}  // namespace

// FAULTS.md B8.
TEST_CASE("e2e: every address of a name is a backend, and follows DNS within TTL and a second", "[e2e][B8]") {
  const fd_baseline descriptors;
  const neighbours backends(3);
  name_server dns;
  dns.start("host-record=web.test,127.0.0.1\nhost-record=web.test,127.0.0.2\n");
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = service(front,
                       "backends = [{ address = 'web.test:" + std::to_string(backends.port) + "', resolve = 'all' }]",
                       dns.address())});
  CHECK(until_served_by(front, "12", patience));
  dns.start("host-record=web.test,127.0.0.2\nhost-record=web.test,127.0.0.3\n");
  CHECK(until_served_by(front, "23", ttl_and_a_second));
  CHECK(sluice.program().wait_output("backend 127.0.0.1:" + std::to_string(backends.port) + " left service s"));
  sluice.check_clean_end();
}

// FAULTS.md B7.
TEST_CASE("e2e: no client notices that DNS is gone, frozen, or says that there is no such name", "[e2e][B7]") {
  const fd_baseline descriptors;
  const neighbours backends(2);
  name_server dns;
  dns.start("host-record=web.test,127.0.0.2\n");
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = service(front, "backends = ['web.test:" + std::to_string(backends.port) + "']", dns.address())});
  CHECK(ask(front) == '2');
  SECTION("gone") { dns.stop(); }
  SECTION("frozen") { dns.freeze(); }
  SECTION("no such name") { dns.start(""); }
  CHECK(sluice.program().wait_output("cannot resolve web.test"));
  for (int i = 0; i < 20; ++i) CHECK(ask(front) == '2');
  dns.start("host-record=web.test,127.0.0.1\n");
  CHECK(until_served_by(front, "1", patience));
  sluice.check_clean_end();
}

TEST_CASE("e2e: an empty answer takes backends away where dns.empty says so", "[e2e][B7]") {
  const fd_baseline descriptors;
  const neighbours backends(2);
  name_server dns;
  dns.start("host-record=web.test,127.0.0.2\n");
  const std::string front = free_address();
  const std::string port = std::to_string(backends.port);
  sluice_process sluice(
      {.toml = service(front,
                       "backends = ['127.0.0.1:" + port + "', { address = 'web.test:" + port + "', resolve = 'all' }]",
                       dns.address()) +
               "empty = 'apply'\n"});
  CHECK(until_served_by(front, "12", patience));
  dns.start("");
  CHECK(until_served_by(front, "1", ttl_and_a_second));
  sluice.check_clean_end();
}

TEST_CASE("e2e: SRV records name hosts, ports and weights", "[e2e][B8]") {
  const fd_baseline descriptors;
  const neighbours backends(3);
  const std::string port = std::to_string(backends.port);
  name_server dns;
  const std::string hosts =
      "host-record=a.test,127.0.0.1\nhost-record=b.test,127.0.0.2\nhost-record=c.test,127.0.0.3\n";
  dns.start(hosts + "srv-host=_web._tcp.test,a.test," + port + ",0,30\nsrv-host=_web._tcp.test,b.test," + port +
            ",0,10\n");
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, "backends = ['srv+_web._tcp.test']", dns.address())});
  std::string who;
  for (int i = 0; i < 40; ++i) who += ask(front);
  CHECK(std::count(who.begin(), who.end(), '1') == 30);
  CHECK(std::count(who.begin(), who.end(), '2') == 10);
  CHECK(sluice.wait_sessions(40).front().backend.ends_with(".test:" + port));
  dns.start(hosts + "srv-host=_web._tcp.test,c.test," + port + ",0,0\n");
  CHECK(until_served_by(front, "3", ttl_and_a_second));
  sluice.check_clean_end();
}

// FAULTS.md C11.
TEST_CASE("e2e: a backends_file is swapped under load, and no client notices", "[e2e][C11]") {
  const fd_baseline descriptors;
  const neighbours backends(3);
  const temporary_directory files;
  const auto list = [&](const std::string& who) {
    std::string text;
    for (const char one : who)
      text += (text.empty() ? "[" : ", ") + ("\"127.0.0." + std::string(1, one)) + ':' + std::to_string(backends.port) +
              '"';
    return text + "]\n";
  };
  const std::string path = files.write("b.json", list("12"));
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, "backends_file = '" + path + "'")});
  CHECK(until_served_by(front, "12", patience));
  std::atomic<bool> stop{false};
  std::atomic<int> errors{0};
  std::atomic<int> served{0};
  std::vector<std::thread> load;
  for (int i = 0; i < 2; ++i)
    load.emplace_back([&] {
      while (!stop) {
        try {
          ask(front);
          ++served;
        } catch (const std::exception&) {
          ++errors;
        }
      }
    });
  for (const std::string who : {"3", "123", "2", "31"}) {
    std::filesystem::rename(files.write("new", list(who)), path);
    CHECK(until_served_by(front, who, patience));
  }
  // What is no list leaves everything as it is.
  std::filesystem::rename(files.write("new", "[\"127.0.0.2\"]\n"), path);
  CHECK(sluice.program().wait_output("not applied, service s keeps its backends: " + path + ":1:2: "));
  CHECK(until_served_by(front, "13", patience));
  std::filesystem::remove(path);
  CHECK(sluice.program().wait_output("cannot read " + path));
  CHECK(until_served_by(front, "13", patience));
  stop = true;
  for (std::thread& one : load) one.join();
  CHECK(errors == 0);
  CHECK(served > 0);
  sluice.check_clean_end();
}

TEST_CASE("e2e: a backends_file may come later, in TOML, with names in it", "[e2e][C11]") {
  const fd_baseline descriptors;
  const neighbours backends(2);
  const temporary_directory files;
  const std::string front = free_address();
  const std::string path = files / "b.toml";
  sluice_process sluice({.toml = service(front, "backends_file = '" + path + "'")});
  CHECK_THROWS(ask(front));
  const std::string port = std::to_string(backends.port);
  files.write("b.toml", "backends = [{ address = 'localhost:" + port + "', weight = 3 }, '127.0.0.2:" + port + "']\n");
  CHECK(wait_until([&] {
    try {
      return ask(front) == '1';
    } catch (const std::exception&) {
      return false;
    }
  }));
  CHECK(until_served_by(front, "12", patience));
  // Nobody at all is what a file may say, too.
  files.write("b.toml", "backends = []\n");
  CHECK(sluice.program().wait_output("service s has no backend left"));
  CHECK_THROWS(ask(front));
  sluice.check_clean_end();
}
