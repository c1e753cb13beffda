#include "server/session_care.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "server/roster.hpp"
#include "server/worker.hpp"
#include "sys/clock.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

constexpr loop::time_ns millisecond = 1'000'000;

/// Workers that share one listener's clients, several backends, and what cares for their sessions; this thread is the
/// control thread.
struct cared_for {
  explicit cared_for(const service_config& keys, std::size_t backends = 2, std::size_t workers = 2) {
    for (std::size_t i = 0; i < backends; ++i) listeners.push_back(support::listen_tcp(AF_INET, 4096));
    std::vector<address> targets;
    for (const auto& one : listeners) targets.push_back(address_of(one.address));
    service_config settings = make_service(address_of(door.address), targets);
    settings.when_backend_down = keys.when_backend_down;
    settings.when_backend_removed = keys.when_backend_removed;
    settings.leaving = keys.leaving;
    settings.rebalance = keys.rebalance;
    entrance way;
    way.one_owner = true;
    way.name = "door";
    way.address = door.address;
    entrances.push_back(way);
    routes = make_routes(make_config(settings));
    for (std::size_t i = 0; i < workers; ++i) shared.workers.push_back(std::make_unique<worker>(i, shared));
    for (const auto& one : shared.workers) {
      one->publish(routes);
      one->start();
    }
    shared.workers[0]->listen(sys::share(std::move(door.fd)), 0, 0);
  }
  cared_for(const cared_for&) = delete;
  cared_for& operator=(const cared_for&) = delete;
  ~cared_for() {
    for (const auto& one : shared.workers) one->stop_and_join();
  }

  static log_config quiet() {
    log_config result;
    result.output = "/dev/null";
    return result;
  }
  service& of() const { return *routes->at(0).object; }
  backend& at(std::size_t i) const { return *routes->at(0).members[i].object; }
  std::uint32_t active(std::size_t i) const { return at(i).state.active(); }

  /// Only these backends are chosen from now on.
  void choose(const std::set<std::size_t>& those) {
    auto changed = std::make_shared<snapshot>(*routes);
    for (std::size_t i = 0; i < listeners.size(); ++i) changed->at(0).members[i].weight = those.count(i) != 0 ? 1 : 0;
    changed->at(0).roster = ++roster;
    routes = changed;
    for (const auto& one : shared.workers) one->publish(routes);
  }
  /// Clients one after the other, so that their age is known; each has been answered.
  void connect(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      support::socket_pair ends;
      ends.first = support::connect_to(door.address);
      const auto called = [&](const auto& one) { return support::is_readable(one.fd.get()); };
      auto found = listeners.end();
      REQUIRE(support::wait_until(
          [&] { return (found = std::find_if(listeners.begin(), listeners.end(), called)) != listeners.end(); }));
      ends.second = support::accept_from(found->fd.get());
      check_passes(ends);
      sessions.push_back(std::move(ends));
      on.push_back(static_cast<std::size_t>(found - listeners.begin()));
    }
  }
  /// Notes who of the first n have come to a quiet end since; how many that are.
  std::size_t note_gone(std::size_t n) {
    const std::size_t before = gone.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (gone.count(i) != 0 || !support::is_readable(sessions[i].first.get())) continue;
      CHECK(wait_for_end(sessions[i].first.get()) == 0);
      gone.insert(i);
    }
    return gone.size() - before;
  }
  void check_the_oldest_went() const {
    for (const std::size_t i : gone)
      for (std::size_t older = 0; older < i; ++older) CHECK((on[older] != on[i] || gone.count(older) == 1));
  }
  std::uint64_t closed(close_reason why) const {
    stats sum;
    for (const auto& one : shared.workers) std::as_const(*one).counts().add_to(sum);
    return sum.closed[static_cast<std::size_t>(why)];
  }
  bool wait_closed(close_reason why, std::uint64_t n) const {
    return support::wait_until([&] { return closed(why) >= n; });
  }

  support::listening_socket door = support::listen_tcp(AF_INET, 4096);
  std::vector<support::listening_socket> listeners;
  std::shared_ptr<const snapshot> routes;
  std::vector<entrance> entrances;
  log::logger log{quiet(), 4};
  commons shared{accept::admission(0), entrances, {}, {}, true, log, {}, {0}};
  session_care care{shared.workers, log};
  std::vector<support::socket_pair> sessions;
  std::vector<std::size_t> on;  ///< which backend each of them has
  std::set<std::size_t> gone;   ///< who of them was ended
  std::uint64_t roster = 0;
};

service_config with(leave_action action, leaving_config leaving = {0ms, 0}) {
  service_config result;
  result.when_backend_down = action;
  result.leaving = leaving;
  return result;
}

}  // namespace

TEST_CASE("session_care: the sessions of a backend that left are kept where nothing else is said", "[server][care]") {
  const support::fd_baseline baseline;
  cared_for here(with(leave_action::keep));
  here.connect(10);
  here.care.backend_left(here.of(), here.at(0), leave_reason::down);
  here.care.backend_left(here.of(), here.at(1), leave_reason::removed);
  for (const support::socket_pair& ends : here.sessions) check_passes(ends);
  CHECK(here.active(0) + here.active(1) == 10);
}

TEST_CASE("session_care: those of a backend that is down are reset, on every worker, and nobody else's",
          "[server][care]") {
  const support::fd_baseline baseline;
  cared_for here(with(leave_action::reset));
  here.connect(40);
  REQUIRE(here.active(0) == 20);
  here.care.backend_left(here.of(), here.at(0), leave_reason::removed);  // kept
  here.care.backend_left(here.of(), here.at(0), leave_reason::down);
  REQUIRE(here.wait_closed(close_reason::backend_left, 20));
  CHECK(support::wait_until([&] { return here.active(0) == 0; }));
  CHECK(here.active(1) == 20);
  for (std::size_t i = 0; i < here.sessions.size(); ++i) {
    const support::socket_pair& ends = here.sessions[i];
    if (here.on[i] == 0) {
      CHECK(wait_for_end(ends.first.get()) == ECONNRESET);
      CHECK(wait_for_end(ends.second.get()) == ECONNRESET);
    } else {
      check_passes(ends);
    }
  }
}

TEST_CASE("session_care: sessions are ended at a rate that the workers keep together", "[server][care]") {
  const support::fd_baseline baseline;
  constexpr std::uint32_t rate = 50;
  cared_for here(with(leave_action::reset, {0ms, rate}), 1, 3);
  here.connect(30);
  const loop::time_ns begin = sys::monotonic_ns();
  here.care.backend_left(here.of(), here.at(0), leave_reason::down);
  bool never_too_many = true;
  REQUIRE(support::wait_until([&] {
    const std::uint64_t ended = here.closed(close_reason::backend_left);
    const auto allowed = static_cast<std::uint64_t>((sys::monotonic_ns() - begin) / (1'000 * millisecond / rate) + 1);
    never_too_many = never_too_many && ended <= allowed;
    return ended == 30;
  }));
  CHECK(never_too_many);
  CHECK(sys::monotonic_ns() - begin >= 29 * (1'000 * millisecond / rate));
}

TEST_CASE("session_care: drained ones may finish, and are ended at the deadline with an end of file",
          "[server][care]") {
  const support::fd_baseline baseline;
  cared_for here(with(leave_action::drain, {2s, 0}), 1);
  here.connect(4);
  // One that waits for an answer. The kernel tells who spoke last in ticks, 10 ms at the most.
  REQUIRE(support::wait_until([&] { return sys::last_received_ms(here.sessions[3].first.get()) > 20; }));
  support::send_all(here.sessions[3].first.get(), "well?");
  CHECK(support::receive_text(here.sessions[3].second.get(), 5) == "well?");
  const loop::time_ns begin = sys::monotonic_ns();
  here.care.backend_left(here.of(), here.at(0), leave_reason::down);
  here.sessions[0].first.reset();  // finishes by itself
  here.sessions[0].second.reset();
  CHECK(wait_for_end(here.sessions[1].first.get()) == 0);
  CHECK(sys::monotonic_ns() - begin >= 2'000 * millisecond);
  CHECK(wait_for_end(here.sessions[1].second.get()) == 0);
  CHECK(wait_for_end(here.sessions[2].first.get()) == 0);
  CHECK(wait_for_end(here.sessions[3].first.get()) == ECONNRESET);
  CHECK(sys::monotonic_ns() - begin >= 3'000 * millisecond);
  REQUIRE(here.wait_closed(close_reason::backend_left, 3));
  CHECK(here.closed(close_reason::backend_left) == 3);
}

TEST_CASE("session_care: a backend that comes back in time keeps what is left, and its new sessions",
          "[server][care]") {
  const support::fd_baseline baseline;
  cared_for here(with(leave_action::drain, {2s, 0}), 1);
  here.connect(5);
  SECTION("back before the deadline: all stay") {
    here.care.backend_left(here.of(), here.at(0), leave_reason::down);
    here.care.backend_joined(here.of(), here.at(0));
    // As long as a second order takes.
    cared_for other(with(leave_action::drain, {2'100ms, 0}), 1);
    other.connect(1);
    other.care.backend_left(other.of(), other.at(0), leave_reason::down);
    REQUIRE(other.wait_closed(close_reason::backend_left, 1));
    CHECK(here.active(0) == 5);
  }
  SECTION("clients that come after it left stay") {
    here.care.backend_left(here.of(), here.at(0), leave_reason::down);
    here.connect(2);
    REQUIRE(here.wait_closed(close_reason::backend_left, 5));
    CHECK(here.active(0) == 2);
    check_passes(here.sessions.back());
  }
}

TEST_CASE("session_care: thousands of sessions are gone through in slices", "[server][care]") {
  const support::fd_baseline baseline;
  cared_for here(with(leave_action::reset), 2, 1);
  here.connect(1'300);
  here.care.backend_left(here.of(), here.at(1), leave_reason::down);
  REQUIRE(here.wait_closed(close_reason::backend_left, 650));
  CHECK(here.active(0) == 650);
}

TEST_CASE("session_care: after a backend came the oldest sessions are spread anew, at a rate, down to the threshold",
          "[server][care]") {
  const support::fd_baseline baseline;
  service_config keys;
  keys.rebalance = {20, 125};
  cared_for here(keys);
  here.choose({1});
  here.connect(6);
  here.choose({0});
  here.connect(18);
  here.choose({0, 1});
  const loop::time_ns begin = sys::monotonic_ns();
  here.care.backend_joined(here.of(), here.at(1));
  // 24 sessions, a share of 12, at most 15. Of those who go half come back, which lifts it above that no more.
  const std::size_t before = here.sessions.size();
  REQUIRE(support::wait_until([&] {
    here.connect(here.note_gone(before));
    return here.active(0) <= 15 && here.active(0) + here.active(1) == before;
  }));
  here.note_gone(before);  // an end of file comes before the count
  CHECK(here.gone.size() >= 3);
  CHECK(here.gone.size() <= 10);  // where clients come back late there are fewer to share, and more go
  here.check_the_oldest_went();
  const std::uint64_t closed = here.closed(close_reason::rebalanced);
  CHECK(closed <= static_cast<std::uint64_t>((sys::monotonic_ns() - begin) / (50 * millisecond) + 1));
  for (std::size_t i = 0; i < here.sessions.size(); ++i)
    if (here.gone.count(i) == 0) check_passes(here.sessions[i]);
}

TEST_CASE("session_care: who was spared while another backend had more goes before a younger one", "[server][care]") {
  const support::fd_baseline baseline;
  service_config keys;
  keys.rebalance = {20, 125};
  cared_for here(keys, 3, 1);
  here.choose({2});
  here.connect(4);
  // 12 on each of the others, of the 28 at most 11 there; the fewer are left, the fewer.
  for (const auto& [backend, n] : {std::pair(0, 2), std::pair(1, 1), std::pair(0, 10), std::pair(1, 11)}) {
    here.choose({static_cast<std::size_t>(backend)});
    here.connect(static_cast<std::size_t>(n));
  }
  here.choose({0, 1, 2});
  here.care.backend_joined(here.of(), here.at(2));
  // After the first backend's oldest it is the second one's turn, then both have too much again.
  REQUIRE(support::wait_until([&] { return here.active(0) <= 10 && here.active(1) <= 10; }));
  here.note_gone(here.sessions.size());
  CHECK(here.gone.size() >= 4);
  here.check_the_oldest_went();
}

TEST_CASE("session_care: the oldest are sought in the whole table before one goes", "[server][care]") {
  const support::fd_baseline baseline;
  service_config keys;
  keys.rebalance = {20, 125};
  cared_for here(keys, 2, 1);
  here.choose({0});
  here.connect(520);
  // Into the places that these leave come the youngest, whom a look meets first: a whole slice of such places.
  here.sessions.erase(here.sessions.begin(), here.sessions.begin() + 512);
  here.on.erase(here.on.begin(), here.on.begin() + 512);
  REQUIRE(support::wait_until([&] { return here.active(0) == 8; }));
  here.connect(8);
  here.choose({1});
  here.connect(8);
  here.choose({0, 1});
  here.care.backend_joined(here.of(), here.at(1));
  REQUIRE(support::wait_until([&] { return here.active(0) <= 13; }));
  here.note_gone(here.sessions.size());
  CHECK(here.gone.size() >= 3);
  here.check_the_oldest_went();
}

TEST_CASE("session_care: nothing is rebalanced where it is off or the program drains", "[server][care]") {
  const support::fd_baseline baseline;
  service_config keys;
  const bool drains = GENERATE(false, true);
  keys.rebalance = {drains ? 1'000U : 0U, 100};
  cared_for here(keys);
  here.choose({0});
  here.connect(10);
  here.choose({0, 1});
  if (drains) here.care.stop_rebalancing();
  here.care.backend_joined(here.of(), here.at(1));
  here.connect(10);
  for (const support::socket_pair& ends : here.sessions) check_passes(ends);
  CHECK(here.closed(close_reason::rebalanced) == 0);
}

TEST_CASE("session_care: overloaded is who has too much of its share by weight, and a whole session",
          "[server][care]") {
  service_config settings = make_service(tcp_address(1), {tcp_address(2), tcp_address(3), tcp_address(4)});
  settings.backends[1].weight = 3;
  const auto routes = make_routes(make_config(settings));
  const service_view& view = routes->at(0);
  const auto begin = [&](std::size_t i, int n) {
    for (int k = 0; k < n; ++k) view.members[i].object->state.session_begins(0);
  };
  CHECK(overloaded(view, 125, 1).empty());
  begin(0, 1);
  CHECK(overloaded(view, 125, 1).empty());  // one session has to be somewhere
  begin(0, 4);
  begin(1, 12);
  begin(2, 3);
  CHECK(overloaded(view, 125, 1).empty());  // 4, 12, 4 would be fair: 125 % is not above
  begin(0, 1);
  CHECK(overloaded(view, 125, 1) == std::vector<const backend*>{view.members[0].object.get()});
  view.members[0].object->state.connect_failed(1);  // rests: it has no share, and is left alone
  CHECK(overloaded(view, 125, 2).empty());
}
