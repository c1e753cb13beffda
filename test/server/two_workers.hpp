#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/open_listeners.hpp"
#include "server/proxy_fixture.hpp"
#include "server/roster.hpp"
#include "server/worker.hpp"

namespace sluice::test {

using namespace sluice::server;

/// Of this process.
inline std::set<pid_t> thread_ids() {
  std::set<pid_t> result;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/task"))
    result.insert(static_cast<pid_t>(std::stol(one.path().filename().string())));
  return result;
}

/// Two workers, of which the first alone has the listener, and a backend that takes everybody.
struct two_workers {
  explicit two_workers(bool one_owner, const service_defaults& settings = {}) {
    service_config service = make_service(address_of(door.address), {address_of(backend.address)});
    static_cast<service_defaults&>(service) = settings;
    entrance way;
    way.one_owner = one_owner;
    way.name = "door";
    way.address = door.address;
    entrances.push_back(way);
    for (std::size_t i = 0; i < 2; ++i) shared.workers.push_back(std::make_unique<worker>(i, shared));
    routes = make_routes(make_config(service, 2));
    for (const auto& one : shared.workers) {
      one->publish(routes);
      const std::set<pid_t> before = thread_ids();
      one->start();
      const std::set<pid_t> after = thread_ids();
      std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(threads));
    }
    REQUIRE(threads.size() == 2);
    listening.doors.emplace_back().sockets.push_back(sys::share(std::move(door.fd)));
    shared.workers[0]->listen(listening.doors[0].sockets[0], 0, 0);
  }
  two_workers(const two_workers&) = delete;
  two_workers& operator=(const two_workers&) = delete;
  ~two_workers() {
    for (const auto& one : shared.workers) one->stop_and_join();
  }

  static log_config quiet() {
    log_config result;
    result.output = "/dev/null";
    return result;
  }
  void connect(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) clients.push_back(support::connect_to(door.address));
  }
  std::uint32_t load(std::size_t index) const { return shared.workers[index]->load(); }
  bool wait_for_load(std::uint32_t sum) const {
    return support::wait_until([&] { return load(0) + load(1) == sum; });
  }
  /// A listener holds places for a whole batch while it accepts, so there may be more for a moment.
  bool wait_for_places(std::uint32_t n) const {
    return support::wait_until([&] { return shared.sessions.in_use() == n; });
  }

  support::listening_socket door = support::listen_tcp(AF_INET, 4096);
  support::listening_socket backend = support::listen_tcp(AF_INET, 4096);
  std::shared_ptr<const snapshot> routes;
  std::vector<entrance> entrances;
  server::open_listeners listening;
  log::logger log{quiet(), 2};
  commons shared{accept::admission(0), entrances, {}, {}, true, log, {}, {0}};
  std::vector<sys::unique_fd> clients;
  std::vector<pid_t> threads;  ///< of the workers
};

}  // namespace sluice::test
