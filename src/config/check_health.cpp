#include "config/check_health.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::conf {
namespace {

struct named_text {
  std::string_view key;
  const std::string& value;
};

/// Where the key was written; the service for one that [defaults] or the environment gave.
const spot& place_of(std::string_view key, const service_places& places) {
  const auto found = places.health.find(key);
  return found == places.health.end() ? places.where : found->second;
}

/// How many of the keys are given; an error at the second.
template <std::size_t n>
std::size_t count_given(const std::array<named_text, n>& keys, const service_places& places, report& problems) {
  const named_text* first = nullptr;
  std::size_t given = 0;
  for (const named_text& one : keys) {
    if (one.value.empty()) continue;
    if (++given == 2) {
      problems
          .error(place_of(one.key, places), "excluded-key",
                 "`" + std::string(one.key) + "` and `" + std::string(first->key) + "` say the same thing in two ways",
                 "leave one of them out")
          .related.emplace_back(place_of(first->key, places).location(), "the other");
    }
    if (first == nullptr) first = &one;
  }
  return given;
}

void check_exchange(const health_config& health, const service_places& places, report& problems) {
  count_given(std::array<named_text, 2>{{{"health.send", health.send}, {"health.send_hex", health.send_hex}}}, places,
              problems);
  const std::size_t expected = count_given(std::array<named_text, 3>{{{"health.expect", health.expect},
                                                                      {"health.expect_hex", health.expect_hex},
                                                                      {"health.expect_regex", health.expect_regex}}},
                                           places, problems);
  for (const char* const key : {"health.expect", "health.expect_hex", "health.expect_regex"}) {
    if (expected != 0 || places.health.contains(key)) return;  // one that was wrong is reported where it stands
  }
  problems.error(place_of("health.check", places), "missing-key", "`send-expect` expects nothing",
                 R"(write expect = "+PONG", or expect_hex or expect_regex; to see that it connects, check = "tcp")");
}

void check_unix(const service_config& service, const service_places& places, report& problems) {
  const health_config& health = service.health;
  if (health.port == 0 || !health.address.empty()) return;
  for (std::size_t i = 0; i < service.backends.size() && i < places.backends.size(); ++i) {
    if (service.backends[i].target.type == address::kind::tcp) continue;
    problems
        .error(place_of("health.port", places), "excluded-key",
               "`health.port` is no use to " + to_string(service.backends[i].target),
               "a unix socket has no ports: leave it out, or give health.address too")
        .related.emplace_back(places.backends[i].location(), "the backend");
    return;
  }
}

}  // namespace

void check_health(loaded& all) {
  for (std::size_t i = 0; i < all.settings.services.size(); ++i) {
    const service_config& service = all.settings.services[i];
    if (service.health.check == health_check::none) continue;
    if (service.health.check == health_check::send_expect) check_exchange(service.health, all.places[i], all.problems);
    check_unix(service, all.places[i], all.problems);
  }
}

}  // namespace sluice::conf
