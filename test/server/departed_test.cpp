#include "server/departed.hpp"

#include <chrono>
#include <memory>

#include "server/two_workers.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// Two workers whose service loses its backend.
struct parting {
  parting() : departed(control, here.shared, {1ms, 1ms}) {
    here.connect(4);
    REQUIRE(here.wait_for_load(4));
    for (int i = 0; i < 4; ++i) ends.push_back(support::accept_from(here.backend.fd.get()));
  }

  service& of() { return *here.routes->at(0).object; }

  void leave() {
    auto without = std::make_shared<snapshot>(*here.routes);
    without->at(0).members.clear();
    ++without->at(0).roster;
    const auto before = std::exchange(here.routes, without);
    for (const auto& one : here.shared.workers) one->publish(without);
    departed.note(of(), *before->at(0).members.at(0).object);
  }

  bool until_held(std::size_t n) {
    const auto deadline = std::chrono::steady_clock::now() + support::patience;
    while (of().held() != n && std::chrono::steady_clock::now() < deadline) control.run_one_for(1ms);
    return of().held() == n;
  }

  two_workers here{true};
  boost::asio::io_context control{1};
  departed_backends departed;
  std::vector<sys::unique_fd> ends;
};

}  // namespace

TEST_CASE("departed: a backend that left is freed when its last session is gone and written down",
          "[server][departed]") {
  const support::fd_baseline baseline;
  parting all;
  all.leave();
  all.control.run_for(50ms);
  CHECK(all.of().held() == 1);  // there are sessions
  all.here.clients.clear();
  all.ends.clear();
  REQUIRE(all.here.wait_for_load(0));
  CHECK(all.until_held(0));
}

TEST_CASE("departed: one that came back stays, and is the same object", "[server][departed]") {
  const support::fd_baseline baseline;
  parting all;
  all.here.clients.clear();
  all.ends.clear();
  REQUIRE(all.here.wait_for_load(0));
  const auto again = all.of().backend_of(address_of(all.here.backend.address));
  all.leave();
  all.control.run_for(50ms);
  CHECK(all.of().held() == 1);
  CHECK(all.of().backend_of(address_of(all.here.backend.address)) == again);
}

TEST_CASE("departed: where thousands come and go, memory holds few of them", "[server][departed]") {
  const support::fd_baseline baseline;
  parting all;
  for (std::uint16_t i = 1; i <= 2'000; ++i) {
    const auto one = all.of().backend_of(tcp_address(i));
    all.departed.note(all.of(), *one);
  }
  CHECK(all.until_held(1));
}
