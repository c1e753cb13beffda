#include "server/drain.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace std::chrono_literals;

namespace {

/// A proxy that is nothing but numbers.
struct scene {
  explicit scene(std::chrono::milliseconds grace = 0ms, std::chrono::milliseconds timeout = 10s)
      : leaving(io, {grace, timeout},
                {[this] { ++begins; }, [this] { ++stops; }, [this] { return accepting; }, [this] { on_cut(); },
                 [this] { return sessions; },
                 [this](exit_code code) {
                   ++dones;
                   result = code;
                 }}) {}

  void on_cut() {
    ++cuts;
    if (cut_takes-- <= 0) sessions = 0;
  }
  template <typename Condition>
  void run_until(Condition&& holds) {
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (!holds() && std::chrono::steady_clock::now() < limit) {
      io.restart();
      io.run_one_for(10ms);
    }
    CHECK(holds());
  }
  void run_to_the_end() {
    run_until([this] { return result.has_value(); });
  }

  boost::asio::io_context io{1};
  std::uint32_t sessions = 0;
  bool accepting = false;
  int begins = 0;
  int stops = 0;
  int cuts = 0;
  int cut_takes = 0;
  int dones = 0;
  std::optional<exit_code> result;
  drain leaving;
};

}  // namespace

TEST_CASE("drain: with nobody in, it is done at once", "[server][drain]") {
  scene here;
  CHECK_FALSE(here.leaving.has_begun());
  here.leaving.request();
  CHECK(here.leaving.has_begun());
  CHECK(here.stops == 1);
  CHECK(here.cuts == 0);
  CHECK(here.result == exit_code::done);
}

TEST_CASE("drain: sessions may finish, and when the last one has it is done", "[server][drain]") {
  scene here;
  here.sessions = 2;
  here.leaving.request();
  for (int looks = 0; looks < 3; ++looks) here.io.run_one();
  CHECK_FALSE(here.result);
  here.sessions = 0;
  here.run_to_the_end();
  CHECK(here.result == exit_code::done);
  CHECK(here.cuts == 0);
}

TEST_CASE("drain: during the grace time clients are still accepted", "[server][drain]") {
  scene here(30ms);
  const auto begin = std::chrono::steady_clock::now();
  here.leaving.request();
  CHECK(here.leaving.has_begun());
  CHECK(here.begins == 1);
  CHECK(here.stops == 0);
  here.run_to_the_end();
  CHECK(here.stops == 1);
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
  CHECK(here.result == exit_code::done);
}

TEST_CASE("drain: at the deadline the rest is cut, and that shows in the exit code", "[server][drain]") {
  scene here(0ms, 30ms);
  here.sessions = 3;
  const auto begin = std::chrono::steady_clock::now();
  here.leaving.request();
  here.run_to_the_end();
  CHECK(here.result == exit_code::cut);
  CHECK(here.cuts == 1);
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
}

TEST_CASE("drain: sessions that were on their way when all were cut are cut again", "[server][drain]") {
  scene here(0ms, 0ms);
  here.sessions = 3;
  here.cut_takes = 2;
  here.leaving.request();
  here.run_to_the_end();
  CHECK(here.cuts == 3);
  CHECK(here.result == exit_code::cut);
}

TEST_CASE("drain: a second request cuts", "[server][drain]") {
  scene here;
  here.sessions = 1;
  here.leaving.request();
  CHECK(here.cuts == 0);
  here.leaving.request();
  CHECK(here.cuts == 1);
  here.run_to_the_end();
  CHECK(here.result == exit_code::cut);
  CHECK(here.stops == 1);
}

TEST_CASE("drain: a second request in the grace time stops accepting and cuts", "[server][drain]") {
  scene here(10s);
  here.sessions = 1;
  here.leaving.request();
  here.leaving.request();
  CHECK(here.begins == 1);
  CHECK(here.stops == 1);
  CHECK(here.cuts == 1);
  here.run_to_the_end();
  CHECK(here.result == exit_code::cut);
}

TEST_CASE("drain: a second request with nobody in cut nothing", "[server][drain]") {
  scene here(10s);
  here.leaving.request();
  here.leaving.request();
  here.run_to_the_end();
  CHECK(here.result == exit_code::done);
  CHECK(here.cuts == 0);
}

TEST_CASE("drain: nobody is forgotten who came in while accepting stopped", "[server][drain]") {
  const bool second_request = GENERATE(false, true);
  scene here(second_request ? 10s : 0ms);
  here.accepting = true;
  here.leaving.request();
  if (second_request) here.leaving.request();
  for (int looks = 0; looks < 3; ++looks) here.io.run_one();
  CHECK_FALSE(here.result);
  here.sessions = 1;
  here.accepting = false;
  if (second_request) {
    here.run_to_the_end();
    CHECK(here.cuts == 1);
    CHECK(here.result == exit_code::cut);
  } else {
    for (int looks = 0; looks < 3; ++looks) here.io.run_one();
    CHECK_FALSE(here.result);
    here.sessions = 0;
    here.run_to_the_end();
    CHECK(here.cuts == 0);
    CHECK(here.result == exit_code::done);
  }
}

TEST_CASE("drain: a second request that meets the end of the grace time still cuts", "[server][drain]") {
  scene here(1ms);
  here.sessions = 1;
  here.cut_takes = 1;
  here.leaving.request();
  std::this_thread::sleep_for(5ms);
  // In the queue before the timer, which is over by now and can't be called back.
  boost::asio::post(here.io, [&] { here.leaving.request(); });
  here.io.poll();
  here.run_to_the_end();
  CHECK(here.stops == 1);
  CHECK(here.result == exit_code::cut);
  CHECK(here.dones == 1);
}
