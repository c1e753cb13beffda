#include "accept/admission.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice::accept;

TEST_CASE("admission: the limit is given, one more is not", "[accept][admission]") {
  admission places(3);
  CHECK(places.take(1) == 1);
  CHECK(places.take(2) == 2);
  CHECK(places.take(1) == 0);
  CHECK(places.in_use() == 3);
  places.give_back(1);
  CHECK(places.take(1) == 1);
  CHECK(places.in_use() == 3);
}

TEST_CASE("admission: who wants more than there is gets what there is", "[accept][admission]") {
  admission places(40);
  CHECK(places.take(32) == 32);
  CHECK(places.take(32) == 8);
  CHECK(places.take(32) == 0);
  CHECK(places.in_use() == 40);
  CHECK(admission(5).take(UINT32_MAX) == 5);
}

TEST_CASE("admission: a cap of 0 is none", "[accept][admission]") {
  admission places(0);
  CHECK(places.cap() == UINT32_MAX);
  for (int i = 0; i < 1000; ++i) REQUIRE(places.take(1'000'000) == 1'000'000);
  CHECK(places.in_use() == 1'000'000'000);
}

TEST_CASE("admission: threads together never hold more than the cap, and nothing drifts", "[accept][admission]") {
  constexpr std::uint32_t cap = 50;
  admission places(cap);
  std::atomic<std::uint32_t> held{0};
  std::atomic<std::uint32_t> most{0};
  const auto churn = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint32_t got = places.take(static_cast<std::uint32_t>(random() % 40 + 1));
      const std::uint32_t sum = held.fetch_add(got) + got;
      std::uint32_t before = most.load();
      while (before < sum && !most.compare_exchange_weak(before, sum)) {
      }
      held.fetch_sub(got);
      places.give_back(got);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(churn, seed);
  for (std::thread& one : threads) one.join();
  CHECK(most.load() <= cap);
  CHECK(places.in_use() == 0);
}

TEST_CASE("permit: gives its place back once, wherever it was moved", "[accept][permit]") {
  admission places(10);
  {
    REQUIRE(places.take(2) == 2);
    permit first(places);
    permit second(places);
    permit moved(std::move(first));
    CHECK(places.in_use() == 2);
    std::vector<permit> many;
    many.push_back(std::move(moved));
    many.push_back(std::move(second));
    for (int i = 0; i < 20; ++i) many.emplace_back();
    CHECK(places.in_use() == 2);
    many.erase(many.begin());
    CHECK(places.in_use() == 1);
  }
  CHECK(places.in_use() == 0);
}

TEST_CASE("permit: assignment loses no place", "[accept][permit]") {
  admission one(1);
  admission other(1);
  REQUIRE(one.take(1) == 1);
  REQUIRE(other.take(1) == 1);
  {
    permit kept(one);
    kept = permit(other);
    CHECK(other.in_use() == 1);
    CHECK(one.in_use() == 0);
    kept = permit();
    CHECK(other.in_use() == 0);
  }
  CHECK(one.in_use() == 0);
  CHECK(other.in_use() == 0);
}

TEST_CASE("connection_cap: two descriptors a session, after everything else has had its own", "[accept][admission]") {
  CHECK(connection_cap(128 + 10 + 2 * 20 + 200, 10, 20, 0) == 100);
  CHECK(connection_cap(128 + 10 + 2 * 20 + 201, 10, 20, 0) == 100);
  CHECK(connection_cap(128 + 10 + 2 * 20 + 202, 10, 20, 0) == 101);
  CHECK(connection_cap(128 + 10 + 2 * 20 + 2 * 7 + 200, 10, 20, 7) == 100);
}

TEST_CASE("connection_cap: is 1 at least, and no larger than a table can be", "[accept][admission]") {
  CHECK(connection_cap(0, 0, 0, 0) == 1);
  CHECK(connection_cap(128, 1000, 1000, 0) == 1);
  CHECK(connection_cap(131, 0, 0, 0) == 1);
  CHECK(connection_cap(132, 0, 0, 0) == 2);
  CHECK(connection_cap(std::size_t{1} << 40U, 0, 0, 0) == 100'000'000);
}

TEST_CASE("connection_cap_of_memory: half of it, 16 KiB a session", "[accept][admission]") {
  CHECK(connection_cap_of_memory(64U << 20U) == 2'048);
  CHECK(connection_cap_of_memory(1U << 30U) == 32'768);
  CHECK(connection_cap_of_memory(0) == 1);
  CHECK(connection_cap_of_memory(UINT64_MAX) == 100'000'000);
}
