#include "loop/task.hpp"

#include <memory>
#include <string>

#include "loop/deadline_wheel.hpp"
#include "loop/wait_point.hpp"
#include "support/catch.hpp"

using sluice::loop::deadline;
using sluice::loop::deadline_wheel;
using sluice::loop::detached;
using sluice::loop::never;
using sluice::loop::task;
using sluice::loop::wait_point;
using sluice::loop::wake;
using sluice::loop::woken;

namespace {

struct place {
  deadline_wheel wheel{0};
  deadline entry;
  wait_point point{wheel, entry};
};

task<int> gives(int value) { co_return value; }

task<std::string> waits_and_says(wait_point& point) {
  const woken why = co_await point.until(never);
  co_return why.reason == wake::cancelled ? "cancelled" : "edge";
}

task<std::unique_ptr<int>> outer(wait_point& point, std::string& heard, int& alive) {
  struct life {
    int& count;
    explicit life(int& of) : count(of) { ++count; }
    ~life() { --count; }
  };
  const life here(alive);
  heard = co_await waits_and_says(point);
  heard += co_await waits_and_says(point);
  const int value = co_await gives(42);
  co_return std::make_unique<int>(value);
}

detached runs(wait_point& point, std::string& heard, int& alive, std::unique_ptr<int>& result) {
  result = co_await outer(point, heard, alive);
}

}  // namespace

TEST_CASE("task: it starts when awaited and gives its value to the one that awaits it", "[loop][task]") {
  place here;
  std::string heard;
  std::unique_ptr<int> result;
  int alive = 0;
  runs(here.point, heard, alive, result);
  CHECK(alive == 1);
  here.point.resume({wake::edge, 0});
  CHECK(heard == "edge");
  CHECK(result == nullptr);
  here.point.resume({wake::edge, 0});
  REQUIRE(result != nullptr);
  CHECK(*result == 42);
  CHECK(heard == "edgeedge");
  CHECK(alive == 0);
}

TEST_CASE("task: cancelled, it runs to its end and destroys what it holds", "[loop][task]") {
  place here;
  std::string heard;
  std::unique_ptr<int> result;
  int alive = 0;
  runs(here.point, heard, alive, result);
  here.point.cancel();
  CHECK(heard == "cancelledcancelled");
  CHECK(alive == 0);
  CHECK(result != nullptr);
}

TEST_CASE("task: one that is never awaited is destroyed without having run", "[loop][task]") {
  place here;
  std::string heard;
  int alive = 0;
  {
    const auto unused = outer(here.point, heard, alive);
    static_cast<void>(unused);
  }
  CHECK(alive == 0);
  CHECK(heard.empty());
}
