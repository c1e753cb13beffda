#include "loop/wait_point.hpp"

#include <sys/epoll.h>

#include <vector>

#include "loop/task.hpp"
#include "support/catch.hpp"

using sluice::loop::deadline;
using sluice::loop::deadline_wheel;
using sluice::loop::detached;
using sluice::loop::never;
using sluice::loop::time_ns;
using sluice::loop::wait_point;
using sluice::loop::wake;
using sluice::loop::woken;

namespace {

constexpr time_ns second = 1'000'000'000;

/// A session's set-up, as far as waiting goes.
struct set_up {
  deadline_wheel wheel{0};
  deadline entry;
  wait_point point{wheel, entry};
  std::vector<woken> woke;
  bool ended = false;

  detached waits(int times) {
    for (int i = 0; i < times; ++i) woke.push_back(co_await point.until(second * (i + 1)));
    ended = true;
  }
  /// A turn at `now`, as a worker's.
  void advance(time_ns now) {
    wheel.advance(now, [this](deadline&) { point.resume({wake::deadline, 0}); });
  }
};

}  // namespace

TEST_CASE("wait point: an edge resumes the one that waits, and says which", "[loop][task]") {
  set_up one;
  one.waits(2);
  CHECK(one.point.is_waiting());
  CHECK(one.entry.due() == second);
  one.point.resume({wake::edge, EPOLLOUT});
  REQUIRE(one.woke.size() == 1);
  CHECK(one.woke[0].reason == wake::edge);
  CHECK(one.woke[0].edges == EPOLLOUT);
  CHECK(one.entry.due() == 2 * second);
  one.point.resume({wake::edge, EPOLLIN});
  CHECK(one.ended);
  CHECK_FALSE(one.point.is_waiting());
}

TEST_CASE("wait point: a deadline resumes it when it comes, not before", "[loop][task]") {
  set_up one;
  one.waits(1);
  one.advance(second - 1);
  CHECK(one.woke.empty());
  one.advance(one.wheel.next_wake());
  REQUIRE(one.woke.size() == 1);
  CHECK(one.woke[0].reason == wake::deadline);
  CHECK(one.ended);
}

TEST_CASE("wait point: cancelled, this wait and every later one end at once", "[loop][task]") {
  set_up one;
  one.waits(3);
  one.point.cancel();
  CHECK(one.ended);
  REQUIRE(one.woke.size() == 3);
  for (const woken& why : one.woke) CHECK(why.reason == wake::cancelled);
}

TEST_CASE("wait point: cancelled before the first wait it never waits", "[loop][task]") {
  set_up one;
  one.point.cancel();
  one.waits(2);
  CHECK(one.ended);
  CHECK_FALSE(one.entry.is_filed());
}

TEST_CASE("wait point: what wakes nobody is forgotten", "[loop][task]") {
  set_up one;
  one.point.resume({wake::edge, EPOLLIN});
  one.waits(1);
  CHECK(one.point.is_waiting());
  CHECK(one.woke.empty());
  one.point.cancel();
}

TEST_CASE("wait point: without a deadline nothing is filed", "[loop][task]") {
  set_up one;
  bool woke = false;
  const auto waits_for_ever = [](set_up& in, bool& done) -> detached {
    const woken why = co_await in.point.until(never);
    done = why.reason == wake::edge;
  };
  waits_for_ever(one, woke);
  CHECK_FALSE(one.entry.is_filed());
  one.point.resume({wake::edge, 0});
  CHECK(woke);
}
