#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/many_runs.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t cap = 50;

struct cap_place {
  const char* name;
  std::string service;
  std::string program;
};

std::string capped(const std::string& front, const echo_server& backend, const cap_place& place,
                   const char* when_full) {
  return "[service.s]\nlisten = '" + front + "'\nbackends = '" + backend.address() + "'\nwhen_full = '" + when_full +
         "'\n" + place.service + place.program;
}

std::vector<cap_place> places() {
  const std::string text = "max_connections = " + std::to_string(cap) + "\n";
  return {{"of a service", text, ""}, {"of the program", "", "[limits]\n" + text}};
}

/// Looks at the sockets of a process all the time, and keeps the most it saw.
class socket_watch {
 public:
  explicit socket_watch(pid_t pid)
      : thread_([this, pid] {
          while (!stopped_) {
            most_ = std::max(most_, descriptors_of(pid).sockets);
            ++looks_;
          }
        }) {}
  std::size_t most() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return most_;
  }
  std::size_t looks() const { return looks_; }
  ~socket_watch() { most(); }

 private:
  std::size_t most_ = 0;
  std::atomic<std::size_t> looks_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace

// FAULTS.md R5.
TEST_CASE("faults: twice as many clients as the cap, coming and going, never bring it one over", "[faults][R5]") {
  const fd_baseline descriptors;
  for (const cap_place& place : places()) {
    CAPTURE(place.name);
    const echo_server backend;
    const std::string front = free_address();
    sluice_process sluice({.toml = capped(front, backend, place, "wait")});
    socket_watch watch(sluice.pid());
    std::atomic<std::size_t> served{0};
    many_runs(scaled(2'000), 2 * cap, [&](std::size_t n) {
      const unique_fd client = connect_to(parse_address(front));
      send_all(client.get(), "x");
      receive_text(client.get(), 1, slowness * patience);
      std::this_thread::sleep_for(milliseconds(n % 4));
      ++served;
    });
    CHECK(served == scaled(2'000));
    const std::size_t most = watch.most() - sluice.descriptors_at_start().sockets;
    CHECK(most <= 2 * cap);
    CHECK(most >= cap);  // else nobody has waited, and this shows nothing
    figure("R5", std::string("cap ") + place.name + ": " + std::to_string(most) + " of " + std::to_string(2 * cap) +
                     " sockets at most, in " + std::to_string(watch.looks()) + " looks");
    sluice.wait_sessions(served);
    sluice.check_clean_end();
  }
}

TEST_CASE("faults: of twice as many clients as the cap exactly the cap is served where the rest is reset",
          "[faults][R5]") {
  const fd_baseline descriptors;
  for (const cap_place& place : places()) {
    CAPTURE(place.name);
    const echo_server backend;
    const std::string front = free_address();
    sluice_process sluice({.toml = capped(front, backend, place, "reset")});
    for (int round = 0; round < 5; ++round) {
      std::vector<unique_fd> clients;
      for (std::size_t i = 0; i < 2 * cap; ++i) {
        try {
          unique_fd client = connect_to(parse_address(front));
          send_all(client.get(), "x");
          clients.push_back(std::move(client));
        } catch (const std::system_error&) {  // it has been reset already
        }
      }
      std::size_t served = 0;
      for (const unique_fd& one : clients) {
        CHECK(wait_readable(one.get()));
        char byte;
        if (::recv(one.get(), &byte, 1, MSG_DONTWAIT) == 1) ++served;
      }
      CHECK(served == cap);
      clients.clear();
      REQUIRE(sluice.wait_at_rest());
    }
    sluice.check_clean_end();
    CHECK(sluice.final_count("rejected").value_or(0) == 5 * cap);
  }
}
