#include "log/session_ring.hpp"

#include <unistd.h>

#include <atomic>
#include <thread>

#include "log/log_fixture.hpp"

namespace sluice::log {
namespace {

using namespace test;

session_record numbered(std::uint64_t id) {
  session_record record;
  record.id = id;
  return record;
}

/// How often the eventfd was written since it was last read; 0 if it was not.
std::uint64_t wakes(const waker& who) {
  std::uint64_t count = 0;
  return ::read(who.descriptor(), &count, sizeof count) == sizeof count ? count : 0;
}

TEST_CASE("log ring: what does not fit is refused and counted exactly", "[log][ring]") {
  waker wakes_up;
  session_ring ring(wakes_up, true);
  const std::uint64_t extra = 123;
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < session_ring::capacity + extra; ++i) refused += ring.push(numbered(i)) ? 0 : 1;
  CHECK(refused == extra);
  CHECK(ring.dropped() == extra);

  ring.pop();
  CHECK(ring.push(numbered(9999)));
  CHECK_FALSE(ring.push(numbered(0)));
  CHECK(ring.dropped() == extra + 1);
}

TEST_CASE("log ring: records come out in order, over many turns of the ring", "[log][ring]") {
  waker wakes_up;
  session_ring ring(wakes_up, true);
  std::uint64_t next_in = 0;
  std::uint64_t next_out = 0;
  for (std::uint64_t round = 0; round < 50; ++round) {
    for (std::uint64_t i = 0; i < 1000 + round; ++i) REQUIRE(ring.push(numbered(next_in++)));
    while (const session_record* record = ring.front()) {
      REQUIRE(record->id == next_out++);
      ring.pop();
    }
  }
  CHECK(next_out == next_in);
}

TEST_CASE("log ring: records that are not wanted cost nothing and are not counted as lost", "[log][ring]") {
  waker wakes_up;
  session_ring ring(wakes_up, false);
  for (std::uint64_t i = 0; i < 2 * session_ring::capacity; ++i) REQUIRE(ring.push(numbered(i)));
  CHECK(ring.dropped() == 0);
  CHECK(ring.front() == nullptr);
}

TEST_CASE("log ring: a sleeper is woken by one system call, whoever is awake by none", "[log][ring]") {
  waker who;
  session_ring ring(who, true);
  ring.push(numbered(1));
  CHECK(wakes(who) == 0);
  who.announce_sleep();
  for (int i = 0; i < 10; ++i) ring.push(numbered(2));
  CHECK(wakes(who) == 1);
  who.announce_sleep();
  who.awake();
  ring.push(numbered(3));
  CHECK(wakes(who) == 0);
}

TEST_CASE("log ring: one thread pushes, one takes, nothing is lost or torn", "[log][ring][threads]") {
  waker wakes_up;
  session_ring ring(wakes_up, true);
  constexpr std::uint64_t count = 200'000;
  std::atomic<bool> done{false};
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      session_record record = numbered(i);
      record.bytes_sent = record.bytes_copied = i;
      ring.push(record);
    }
    done = true;
  });
  std::uint64_t taken = 0;
  std::uint64_t last = 0;
  std::uint64_t wrong = 0;
  while (true) {
    const bool last_look = done;
    while (const session_record* record = ring.front()) {
      const bool whole = record->bytes_sent == record->id && record->bytes_copied == record->id;
      if (!whole || record->id <= last) ++wrong;
      last = record->id;
      ++taken;
      ring.pop();
    }
    if (last_look) break;
    std::this_thread::yield();
  }
  producer.join();
  CHECK(wrong == 0);
  CHECK(taken + ring.dropped() == count);
}

}  // namespace
}  // namespace sluice::log
