#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

bool is_served(const std::string& front) {
  try {
    crowd(parse_address(front), 1).exchange(100);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

// FAULTS.md C9, without socket activation.
TEST_CASE("faults: killed at random and started anew, it serves again within 300 ms, a unix path too", "[faults][C9]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const echo_server backend;
  const std::string tcp = free_address();
  const std::string local = "unix:" + files / "front.sock";
  const sluice_launch how{.arguments = {tcp + '=' + backend.address(), local + '=' + backend.address()}};
  auto sluice = std::make_unique<sluice_process>(how);
  std::minstd_rand random(std::random_device{}());
  milliseconds longest{0};
  const std::size_t kills = scaled(30);
  for (std::size_t i = 0; i < kills; ++i) {
    crowd clients(parse_address(i % 2 == 0 ? tcp : local), 10);
    clients.exchange(1 + random() % 200'000);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    const auto killed = clock_type::now();
    sluice->signal(SIGKILL);
    REQUIRE(sluice->program().wait_exit().has_value());
    // What a supervisor does that restarts at once.
    sluice = std::make_unique<sluice_process>(how);
    REQUIRE(is_served(tcp));
    REQUIRE(is_served(local));
    longest = std::max(longest, std::chrono::duration_cast<milliseconds>(clock_type::now() - killed));
  }
  CHECK(longest <= milliseconds(300 * slowness));
  figure("C9", std::to_string(kills) + " kills, served again after " + std::to_string(longest.count()) + " ms at most");
  sluice->wait_sessions(2);
  sluice->check_clean_end();
}
