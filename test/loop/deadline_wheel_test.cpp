#include "loop/deadline_wheel.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "support/catch.hpp"

using sluice::loop::deadline;
using sluice::loop::deadline_wheel;
using sluice::loop::never;
using sluice::loop::time_ns;

namespace {

constexpr time_ns millisecond = 1'000'000;
constexpr time_ns second = 1'000 * millisecond;
constexpr time_ns hour = 3'600 * second;
constexpr time_ns tick = 1 << 20;

std::vector<const deadline*> fired_at(deadline_wheel& wheel, time_ns now) {
  std::vector<const deadline*> fired;
  wheel.advance(now, [&](deadline& entry) {
    CHECK_FALSE(entry.is_filed());
    fired.push_back(&entry);
  });
  return fired;
}

}  // namespace

TEST_CASE("deadline: costs 24 bytes", "[loop][wheel]") { CHECK(sizeof(deadline) == 24); }

TEST_CASE("deadline wheel: never fires early, and within a tick of its wake", "[loop][wheel]") {
  const time_ns start = GENERATE(time_ns{0}, tick - 1, tick, 5 * hour + 12'345);
  const time_ns delay = GENERATE(time_ns{1}, tick - 1, tick, tick + 1, 63 * tick, 64 * tick, 65 * tick + 3, 7 * second,
                                 3 * hour, 500 * 24 * hour);
  CAPTURE(start, delay);
  deadline_wheel wheel(start);
  deadline entry;
  wheel.file(entry, start + delay);
  CHECK(entry.due() == start + delay);
  CHECK(fired_at(wheel, start + delay - 1).empty());
  CHECK(entry.is_filed());

  time_ns wake = 0;
  int calls = 0;
  for (; entry.is_filed(); ++calls) {
    wake = wheel.next_wake();
    wheel.advance(wake, [](deadline&) {});
  }
  CHECK(wake < start + delay + tick);
  CHECK(calls <= 8);
}

TEST_CASE("deadline wheel: an empty wheel has no wake, and never is not filed", "[loop][wheel]") {
  deadline_wheel wheel(hour);
  CHECK(wheel.next_wake() == never);
  deadline entry;
  wheel.file(entry, never);
  CHECK_FALSE(entry.is_filed());
  CHECK(wheel.next_wake() == never);

  wheel.file(entry, 2 * hour);
  wheel.file(entry, never);
  CHECK_FALSE(entry.is_filed());
  CHECK(entry.due() == never);
  CHECK(wheel.next_wake() == never);
}

TEST_CASE("deadline wheel: the last time there is can be filed and reached", "[loop][wheel]") {
  deadline_wheel wheel(hour);
  deadline entry;
  wheel.file(entry, never - 1);
  CHECK(entry.is_filed());
  CHECK(fired_at(wheel, never - 2 * tick).empty());
  CHECK(wheel.next_wake() == never);
  CHECK(entry.is_filed());
}

TEST_CASE("deadline wheel: a time that is past fires at the next advance, even in the same tick", "[loop][wheel]") {
  deadline_wheel wheel(10 * second);
  deadline past;
  deadline present;
  wheel.file(past, 1);
  wheel.file(present, 10 * second);
  CHECK(wheel.next_wake() <= 10 * second);
  CHECK(fired_at(wheel, 10 * second).size() == 2);
  CHECK(wheel.next_wake() == never);
}

TEST_CASE("deadline wheel: a clock that steps back moves nothing", "[loop][wheel]") {
  deadline_wheel wheel(10 * second);
  deadline entry;
  wheel.file(entry, 11 * second);
  CHECK(fired_at(wheel, 9 * second).empty());
  CHECK(fired_at(wheel, 11 * second + tick).size() == 1);
}

TEST_CASE("deadline wheel: filing anew and cancelling leave nothing behind", "[loop][wheel]") {
  deadline_wheel wheel(0);
  deadline entry;
  deadline other;
  for (const time_ns due : {second, hour, 5 * millisecond, 400 * hour}) wheel.file(entry, due);
  wheel.file(other, second);
  other.cancel();
  CHECK_FALSE(other.is_filed());
  other.cancel();
  CHECK(fired_at(wheel, 399 * hour).empty());
  CHECK(fired_at(wheel, 400 * hour + tick) == std::vector<const deadline*>{&entry});
  CHECK(wheel.next_wake() == never);
}

TEST_CASE("deadline wheel: a cancelled entry does not hold up next_wake", "[loop][wheel]") {
  deadline_wheel wheel(0);
  deadline near;
  deadline far;
  wheel.file(near, 3 * millisecond);
  wheel.file(far, 20 * millisecond);
  near.cancel();
  CHECK(wheel.next_wake() >= 20 * millisecond);
  CHECK(wheel.next_wake() < 20 * millisecond + tick);
}

TEST_CASE("deadline wheel: a dying deadline unfiles itself, a dying wheel unfiles its deadlines", "[loop][wheel]") {
  auto wheel = std::make_unique<deadline_wheel>(0);
  deadline survivor;
  deadline overdue;
  {
    deadline dying;
    wheel->file(dying, second);
  }
  CHECK(wheel->next_wake() == never);
  wheel->file(survivor, hour);
  wheel->file(overdue, 0);
  wheel.reset();
  CHECK_FALSE(survivor.is_filed());
  CHECK_FALSE(overdue.is_filed());
}

TEST_CASE("deadline wheel: a jump over hours fires what is due and keeps the rest", "[loop][wheel]") {
  deadline_wheel wheel(second);
  std::vector<std::unique_ptr<deadline>> entries;
  for (int i = 1; i <= 1'000; ++i) {
    entries.push_back(std::make_unique<deadline>());
    wheel.file(*entries.back(), i * 60 * second);
  }
  CHECK(fired_at(wheel, 500 * 60 * second + tick).size() == 500);
  CHECK(wheel.next_wake() > 500 * 60 * second + tick);
  CHECK(wheel.next_wake() < 501 * 60 * second + tick);
  CHECK(fired_at(wheel, 500'000 * hour).size() == 500);
}

TEST_CASE("deadline wheel: fire may file the entry again", "[loop][wheel]") {
  deadline_wheel wheel(0);
  deadline entry;
  wheel.file(entry, second);
  time_ns now = 0;
  int fired = 0;
  while (fired < 100) {
    now = wheel.next_wake();
    REQUIRE(now != never);
    wheel.advance(now, [&](deadline& again) {
      CHECK(now >= again.due());
      ++fired;
      wheel.file(again, now + second);
    });
  }
  CHECK(now >= 100 * second);
  CHECK(now < 100 * (second + tick));
}

TEST_CASE("deadline wheel: what fire files for the past waits for the next advance", "[loop][wheel]") {
  deadline_wheel wheel(0);
  deadline entry;
  wheel.file(entry, second);
  int fired = 0;
  const auto again = [&](deadline& due) {
    ++fired;
    wheel.file(due, 0);
  };
  wheel.advance(2 * second, again);
  CHECK(fired == 1);
  CHECK(wheel.next_wake() <= 2 * second);
  wheel.advance(2 * second, again);
  CHECK(fired == 2);
}

TEST_CASE("deadline wheel: fire may destroy, cancel or move entries that are due in the same call", "[loop][wheel]") {
  deadline_wheel wheel(0);
  std::vector<std::optional<deadline>> entries(90);
  for (auto& entry : entries) wheel.file(entry.emplace(), second);
  int fired = 0;
  wheel.advance(2 * second, [&](deadline& entry) {
    ++fired;
    const auto self = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e && &*e == &entry; });
    REQUIRE(self != entries.end());
    const std::ptrdiff_t i = self - entries.begin();
    if (i % 3 != 0) return;
    entries[static_cast<std::size_t>(i) + 1].reset();
    wheel.file(*entries[static_cast<std::size_t>(i) + 2], 3 * second);
    self->reset();
  });
  CHECK(fired == 30);
  CHECK(fired_at(wheel, 4 * second).size() == 30);
}

TEST_CASE("deadline wheel: agrees with an ordered map over random steps", "[loop][wheel]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const auto span = [&] { return static_cast<time_ns>(below(std::uint64_t{1} << below(51))); };

  time_ns now = static_cast<time_ns>(below(1'000'000)) * second;
  deadline_wheel wheel(now);
  std::vector<std::unique_ptr<deadline>> entries(300);
  for (auto& entry : entries) entry = std::make_unique<deadline>();
  std::multimap<time_ns, deadline*> model;
  const auto forget = [&](deadline* entry) {
    const auto [first, last] = model.equal_range(entry->due());
    const auto found = std::find_if(first, last, [&](const auto& pair) { return pair.second == entry; });
    if (found != last) model.erase(found);
  };
  const auto file = [&](deadline& entry, time_ns due) {
    forget(&entry);
    wheel.file(entry, due);
    model.emplace(due, &entry);
  };

  int wrong = 0;
  const auto expect = [&](bool holds) { wrong += holds ? 0 : 1; };
  for (int step = 0; step < 50'000; ++step) {
    auto& entry = entries[below(entries.size())];
    switch (below(8)) {
      case 0:
        forget(entry.get());
        entry->cancel();
        break;
      case 1:
        forget(entry.get());
        entry = std::make_unique<deadline>();
        break;
      case 2:
      case 3: {
        const time_ns wake = wheel.next_wake();
        expect((wake == never) == model.empty());
        // Late by a tick at the most: the tick in which the first one is due has to be over.
        if (!model.empty()) expect(wake <= std::max(now, model.begin()->first + tick));
        now = below(2) == 0 && wake != never ? std::max(now, wake) : now + span() / 16;
        wheel.advance(now, [&](deadline& due) {
          expect(due.due() <= now);
          forget(&due);
          if (below(4) == 0) file(due, now + 1 + span());
          auto& other = entries[below(entries.size())];
          if (below(8) == 0 && other.get() != &due) {
            forget(other.get());
            other = std::make_unique<deadline>();
          }
        });
        expect(model.empty() || model.begin()->first > now - tick);
        break;
      }
      default: file(*entry, std::max<time_ns>(0, now + span() - span() / 8));
    }
    const auto filed = std::count_if(entries.begin(), entries.end(), [](const auto& e) { return e->is_filed(); });
    if (step % 64 == 0) expect(static_cast<std::size_t>(filed) == model.size());
    REQUIRE(wrong == 0);
  }
}
