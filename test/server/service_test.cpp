#include "server/service.hpp"

#include <array>
#include <chrono>
#include <cstdlib>

#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"

namespace sluice::server {

TEST_CASE("service: clients speak first from the first that does until eight in a row did not", "[server][service]") {
  service one(test::make_service(test::tcp_address(8'080), {test::tcp_address(9)}));
  CHECK_FALSE(one.clients_speak_first());
  one.note_first_word(true);
  for (int i = 0; i < 7; ++i) one.note_first_word(false);
  CHECK(one.clients_speak_first());
  one.note_first_word(true);
  for (int i = 0; i < 7; ++i) one.note_first_word(false);
  CHECK(one.clients_speak_first());
  one.note_first_word(false);
  CHECK_FALSE(one.clients_speak_first());
}

TEST_CASE("service: lifetimes are spread evenly below the one that is set", "[server][service]") {
  service_config settings = test::make_service(test::tcp_address(8'080), {test::tcp_address(9)});
  CHECK(service(settings).lifetime_for(1) == 0);
  settings.timeouts.lifetime = std::chrono::seconds(100);
  settings.timeouts.lifetime_jitter = 0;
  CHECK(service(settings).lifetime_for(1) == 100'000'000'000);
  settings.timeouts.lifetime_jitter = 20;
  const service spread(settings);
  std::array<int, 4> quarters{};
  for (std::uint64_t chance = 0; chance < 4'000; ++chance) {
    const loop::time_ns lives = spread.lifetime_for(chance);
    REQUIRE(lives > 80'000'000'000);
    REQUIRE(lives <= 100'000'000'000);
    ++quarters[static_cast<std::size_t>((lives - 80'000'000'001) / 5'000'000'000)];
  }
  for (const int n : quarters) CHECK(std::abs(n - 1'000) < 150);  // five standard deviations
}

}  // namespace sluice::server
