#include "server/wait_queue.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace sluice::server {
namespace {

struct counted final : waiter {
  explicit counted(wait_queue& of) : place(of, *this) {}
  void call() noexcept override { ++calls; }
  std::atomic<int> calls{0};
  wait_queue::place place;
};

}  // namespace

TEST_CASE("wait_queue: whoever came first is called first, each once until it looks", "[server][wait_queue]") {
  wait_queue queue(10);
  counted a(queue);
  counted b(queue);
  queue.call_next();  // nobody is there
  REQUIRE(a.place.enter());
  REQUIRE(b.place.enter());
  CHECK(queue.depth() == 2);
  CHECK(a.place.is_first());
  CHECK_FALSE(b.place.is_first());
  queue.call_next();
  CHECK((a.calls == 1 && b.calls == 0));
  queue.call_next();
  CHECK((a.calls == 1 && b.calls == 1));
  queue.call_next();
  CHECK((a.calls == 1 && b.calls == 1));
  CHECK(a.place.take_call());
  CHECK_FALSE(a.place.take_call());
  queue.call_next();
  CHECK((a.calls == 2 && b.calls == 1));
}

TEST_CASE("wait_queue: who leaves calls the next, so that no free place is forgotten", "[server][wait_queue]") {
  wait_queue queue(10);
  counted a(queue);
  counted b(queue);
  a.place.enter();
  b.place.enter();
  queue.call_next();
  a.place.take_call();
  a.place.leave();
  CHECK(b.calls == 1);
  CHECK(b.place.is_first());
  CHECK(queue.depth() == 1);
  a.place.leave();
  CHECK(queue.depth() == 1);
}

TEST_CASE("wait_queue: a call stands for a place, so that nobody is overtaken", "[server][wait_queue]") {
  wait_queue queue(10);
  counted a(queue);
  counted b(queue);
  counted c(queue);
  for (counted* one : {&a, &b, &c}) one->place.enter();
  queue.call_next();
  a.place.take_call();
  a.place.leave();  // it got the place: b is the first now, but there is no other
  CHECK(b.calls == 1);
  queue.call_next();  // before b has looked
  CHECK((b.calls == 2 && c.calls == 0));
  b.place.leave();  // it gave up instead
  CHECK(c.calls == 1);
  CHECK(c.place.take_call());
}

TEST_CASE("wait_queue: it holds so many and no more", "[server][wait_queue]") {
  wait_queue queue(1);
  counted a(queue);
  counted b(queue);
  REQUIRE(a.place.enter());
  CHECK_FALSE(b.place.enter());
  a.place.leave();
  CHECK(b.place.enter());
  wait_queue none(0);
  counted c(none);
  CHECK_FALSE(c.place.enter());
}

TEST_CASE("wait_queue: all are called when a backend is back, and a place ends with its owner",
          "[server][wait_queue]") {
  wait_queue queue(10);
  counted a(queue);
  a.place.enter();
  {
    counted b(queue);
    b.place.enter();
    queue.call_all();
    CHECK((a.calls == 1 && b.calls == 1));
    queue.call_all();
    CHECK((a.calls == 1 && b.calls == 1));
  }
  CHECK(queue.depth() == 1);
}

TEST_CASE("wait_queue: with workers that race, every place that is free finds its waiter", "[server][wait_queue]") {
  // One seat, taken and given back by three threads as sessions do: whoever finds it taken waits for a call.
  wait_queue queue(100);
  std::atomic<int> seat{0};
  std::atomic<int> served{0};
  std::atomic<int> turned_away{0};
  constexpr int rounds = 3'000;
  const auto run = [&] {
    for (int i = 0; i < rounds; ++i) {
      counted me(queue);
      const auto take = [&] {
        int free = 0;
        return seat.compare_exchange_strong(free, 1);
      };
      bool has = queue.depth() == 0 && take();
      if (!has) {
        if (!me.place.enter()) ++turned_away;
        has = me.place.is_first() && take();
        while (!has) {
          while (me.calls == 0) std::this_thread::yield();
          me.calls = 0;
          me.place.take_call();
          has = take();
        }
        me.place.leave();
      }
      ++served;
      seat.store(0);
      queue.call_next();
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back(run);
  for (std::thread& one : workers) one.join();
  CHECK(served == 3 * rounds);
  CHECK(turned_away == 0);
  CHECK(queue.depth() == 0);
}

}  // namespace sluice::server
