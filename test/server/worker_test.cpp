#include "server/worker.hpp"

#include <utility>
#include <vector>

#include "server/two_workers.hpp"
#include "support/catch.hpp"
#include "sys/clock.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace sluice::test;

TEST_CASE("worker: the only owner of a listener shares its clients out evenly", "[server][worker]") {
  const support::fd_baseline baseline;
  two_workers here(true);
  here.connect(40);
  REQUIRE(here.wait_for_load(40));
  CHECK(here.load(0) == 20);
  CHECK(here.load(1) == 20);
  CHECK(here.wait_for_places(40));
  here.clients.clear();
  for (int i = 0; i < 40; ++i) support::accept_from(here.backend.fd.get());  // and closed
  CHECK(here.wait_for_load(0));
  CHECK(here.wait_for_places(0));
}

TEST_CASE("worker: one that has well more than its share gives new clients away", "[server][worker]") {
  const support::fd_baseline baseline;
  two_workers here(false);
  here.connect(100);
  REQUIRE(here.wait_for_load(100));
  CHECK(here.load(0) > here.load(1));
  CHECK(here.load(1) > 0);
  CHECK(here.load(0) <= 50 + 50 / 4 + 16 + 1);
}

TEST_CASE("worker: clients on their way to another worker when all ends lose nothing but their connection",
          "[server][worker]") {
  const support::fd_baseline baseline;
  for (int round = 0; round < 10; ++round) {
    two_workers here(true);
    here.connect(30);
    // Without waiting: some are in the queue, some posted, some connecting.
    here.shared.workers[round % 2]->stop_and_join();
    here.shared.workers[1 - round % 2]->stop_and_join();
    here.shared.workers.clear();
    CHECK(here.shared.sessions.in_use() == 0);
    CHECK(here.routes->at(0).members[0].object->state.active() == 0);
  }
}

TEST_CASE("worker: all sessions are cut, and none is left anywhere", "[server][worker]") {
  const support::fd_baseline baseline;
  two_workers here(true);
  here.connect(20);
  REQUIRE(here.wait_for_load(20));
  for (const auto& one : here.shared.workers) one->stop_listening();
  // Again and again, as a drain does: one that is on its way to the other worker counts there before it arrives.
  CHECK(support::wait_until([&] {
    for (const auto& one : here.shared.workers) one->cut_sessions();
    return here.load(0) + here.load(1) == 0;
  }));
  CHECK(here.wait_for_places(0));
  CHECK(support::wait_until([&] { return here.routes->at(0).members[0].object->state.active() == 0; }));
  for (const sys::unique_fd& client : here.clients) CHECK(wait_for_end(client.get()) == ECONNRESET);
  stats sum;
  for (const auto& one : here.shared.workers) std::as_const(*one).counts().add_to(sum);
  CHECK(sum.closed[static_cast<std::size_t>(close_reason::drained)] == 20);
}

TEST_CASE("worker: a place that another worker frees is found by a listener that rests", "[server][worker]") {
  const support::fd_baseline baseline;
  service_defaults two_at_a_time;
  two_at_a_time.max_connections = 2;
  two_workers here(true, two_at_a_time);
  here.connect(2);
  REQUIRE(here.wait_for_load(2));
  REQUIRE(here.load(1) == 1);
  std::vector<sys::unique_fd> ends;
  for (int i = 0; i < 2; ++i) ends.push_back(support::accept_from(here.backend.fd.get()));
  here.connect(1);
  const auto pauses = [&] { return std::as_const(*here.shared.workers[0]).counts().accept_pauses.value(); };
  REQUIRE(support::wait_until([&] { return pauses() > 0; }));
  // The first client went to the first worker, whose listener it is; the second one leaves.
  support::reset(std::move(here.clients[1]));
  ends.push_back(support::accept_from(here.backend.fd.get()));
  CHECK(here.wait_for_load(2));
}

TEST_CASE("worker: gives a sign of life when asked", "[server][worker]") {
  const support::fd_baseline baseline;
  two_workers here(true);
  const loop::time_ns asked = sys::monotonic_ns();
  for (const auto& one : here.shared.workers) one->poke();
  for (const auto& one : here.shared.workers) CHECK(support::wait_until([&] { return one->last_turn() >= asked; }));
}
