#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;

namespace {

bool contains(const std::string& text, const std::string& wanted) { return text.find(wanted) != std::string::npos; }

constexpr int bad_config = 78;

/// What programs started meanwhile inherit; the hard limit stays.
class soft_descriptor_limit {
 public:
  explicit soft_descriptor_limit(rlim_t wanted) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit lowered{wanted, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  }
  soft_descriptor_limit(const soft_descriptor_limit&) = delete;
  soft_descriptor_limit& operator=(const soft_descriptor_limit&) = delete;
  ~soft_descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

const char* const whole_config = R"(version = 1
[forward]
"18080" = "10.0.0.5:80"
"127.0.0.1:15432" = "10.0.0.6:5432"
[defaults]
timeouts = { connect = "3s", idle = "1h" }
[service.web]
listen = ["127.0.0.1:10443"]
backends = ["10.0.1.1:443", { address = "10.0.1.2:443", weight = 2 }]
relay = "splice"
[drain]
timeout = "25s"
[log]
level = "info"
[limits]
max_connections = 1000
)";

}  // namespace

// FAULTS.md C1. The address is taken, so a program that had tried to bind it would have said so and ended with 1.
TEST_CASE("e2e: a bad configuration ends with 78 and file, line and column, before anything is bound", "[e2e][C1]") {
  const fd_baseline descriptors;
  const listening_socket taken = listen_tcp();
  struct mistake {
    std::string line;
    std::string where;  ///< line:column
    std::string code;
  };
  const auto made = GENERATE(mistake{"timeouts.idel = '10m'", "4:10", "unknown-key"},
                             mistake{"timeouts.idle = '10 parsecs'", "4:17", "bad-duration"},
                             mistake{"max_connections = 'many'", "4:19", "bad-type"},
                             mistake{"relay = 'pigeon'", "4:9", "bad-value"}, mistake{"relay = ", "4:", "syntax"});
  const run_result ended = run_sluice({.toml = "[service.web]\nlisten = '" + to_string(taken.address) +
                                               "'\nbackends = '10.0.0.1:80'\n" + made.line + "\n"});
  INFO("it said:\n" << ended.output);
  CHECK(ended.code == bad_config);
  CHECK(contains(ended.output, "sluice.toml:" + made.where));
  CHECK(contains(ended.output, "error[" + made.code + "]"));
  CHECK_FALSE(contains(ended.output, "ready"));
}

TEST_CASE("e2e: mutilated configurations never crash the program, and each complaint has a place", "[e2e][C1]") {
  const fd_baseline descriptors;
  const std::string whole = whole_config;
  std::mt19937 random(1);
  std::size_t bad = 0;
  std::size_t good = 0;
  constexpr std::size_t wanted = 200 / slowness;
  while (bad < wanted) {
    std::string text = whole;
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0: text.erase(at, 1 + random() % 5); break;
      case 1: text.insert(at, 1, static_cast<char>(random() % 256)); break;
      case 2: text[at] = static_cast<char>(random() % 256); break;
      default: text.resize(at); break;
    }
    const temporary_directory files;
    const run_result ended = run_sluice({.arguments = {"check", "-c", files.write("sluice.toml", text)}});
    INFO("the configuration:\n" << text << "\nit said, with code " << ended.code << ":\n" << ended.output);
    REQUIRE((ended.code == 0 || ended.code == bad_config));
    if (ended.code == bad_config) {
      ++bad;
      CHECK(contains(ended.output, "sluice.toml:"));
    } else {
      // Some changes leave a configuration whole.
      REQUIRE(++good < 10 * wanted);
    }
  }
  figure("C1", std::to_string(bad) + " of " + std::to_string(bad) + " refused with a place, 0 crashes");
}

// FAULTS.md C3.
TEST_CASE("e2e: one address in use among several names itself, its line and its holder; nothing runs", "[e2e][C3]") {
  const fd_baseline descriptors;
  const listening_socket taken = listen_tcp();
  const std::string first = free_address();
  const std::string last = free_address();
  const run_result ended =
      run_sluice({.toml = "[forward]\n'" + first + "' = '10.0.0.1:80'\n'" + to_string(taken.address) +
                          "' = '10.0.0.1:80'\n'" + last + "' = '10.0.0.1:80'\n"});
  INFO("it said:\n" << ended.output);
  CHECK(ended.code == 1);
  CHECK(contains(ended.output, to_string(taken.address)));
  CHECK(contains(ended.output, "sluice.toml:3"));
  CHECK(contains(ended.output, std::to_string(::getpid())));
  CHECK_THROWS(connect_to(parse_address(first)));
  CHECK_THROWS(connect_to(parse_address(last)));
}

TEST_CASE("e2e: a second sluice of the same user can't join the first one's address", "[e2e][C3]") {
  const fd_baseline descriptors;
  const peer_server backend([](auto connection) { echo(connection.get()); });
  const std::string front = free_address();
  sluice_process first({.arguments = {front + '=' + backend.address(), "--workers", "2"}});
  const run_result second = run_sluice({.arguments = {front + '=' + backend.address(), "--workers", "2"}});
  INFO("the second said:\n" << second.output);
  CHECK(second.code == 1);
  CHECK(contains(second.output, front));
  CHECK(contains(second.output, std::to_string(first.pid())));
  first.check_clean_end();
}

TEST_CASE("e2e: of two that start at the same moment one alone gets the address", "[e2e][C3]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const peer_server backend([](auto connection) { echo(connection.get()); });
  const std::string front = GENERATE(as<std::string>(), "tcp", "path");
  for (std::size_t round = 0; round < scaled(8); ++round) {
    const std::string address = front == "tcp" ? free_address() : "unix:" + (files / "front.sock");
    const auto start = [&] {
      try {
        return std::make_unique<sluice_process>(
            sluice_launch{.arguments = {address + '=' + backend.address(), "--workers", "2"}});
      } catch (const std::runtime_error&) {
        return std::unique_ptr<sluice_process>();
      }
    };
    std::unique_ptr<sluice_process> others;
    std::promise<void> tried;
    std::promise<void> over;
    // A program ends with the thread that started it, which therefore stays.
    std::thread other([&, is_over = over.get_future()] {
      others = start();
      tried.set_value();
      is_over.wait();
    });
    const auto own = start();
    tried.get_future().wait();
    CHECK((own == nullptr) != (others == nullptr));
    CHECK(connect_to(parse_address(address)));
    // Killed, so that the next two meet a stale file.
    const auto kill = [](const std::unique_ptr<sluice_process>& one) {
      if (!one) return;
      one->signal(SIGKILL);
      CHECK(one->program().wait_exit().value_or(-1) == 128 + SIGKILL);
    };
    kill(own);
    kill(others);
    over.set_value();
    other.join();
  }
}

// The soft limit is what a login gives, the hard one what the program may have.
TEST_CASE("e2e: there may be more listeners than the soft descriptor limit", "[e2e]") {
  const fd_baseline descriptors;
  constexpr std::uint16_t ports = 400;
  const std::uint16_t first = free_ports(ports);
  const soft_descriptor_limit limited(256);
  sluice_process sluice(
      {.arguments = {"127.0.0.1:" + std::to_string(first) + '-' + std::to_string(first + ports - 1) + "=127.0.0.1:9"}});
  CHECK(sluice.descriptors_at_start().sockets >= ports);
  sluice.check_clean_end();
}

TEST_CASE("e2e: more listeners than descriptors are refused with what to raise", "[e2e]") {
  const fd_baseline descriptors;
  const std::uint16_t first = free_ports(300);
  const run_result ended = run_sluice(
      {.arguments = {"127.0.0.1:" + std::to_string(first) + '-' + std::to_string(first + 299) + "=127.0.0.1:9"},
       .descriptors = 200});
  INFO("it said:\n" << ended.output);
  CHECK(ended.code == 1);
  CHECK(contains(ended.output, "LimitNOFILE"));
}

TEST_CASE("e2e: SIGTERM while the listeners are opened ends it with 0, too", "[e2e][C10]") {
  const fd_baseline descriptors;
  const run_result ended =
      run_sluice({.arguments = {free_address() + "=127.0.0.1:9"}, .inject = {"listen:signal=TERM:when=1"}});
  INFO("it said:\n" << ended.output);
  CHECK(ended.code == 0);
  CHECK(contains(ended.output, "SIGTERM: draining"));
}

TEST_CASE("e2e: a port without permission ends with 4", "[e2e]") {
  const fd_baseline descriptors;
  const run_result ended = run_sluice({.arguments = {"127.0.0.1:1=10.0.0.1:80"}, .as_plain_user = true});
  INFO("it said:\n" << ended.output);
  // Where every port is allowed to everybody there is nothing to refuse, and the run would not have ended.
  CHECK(ended.code == 4);
  CHECK(contains(ended.output, "CAP_NET_BIND_SERVICE"));
}
