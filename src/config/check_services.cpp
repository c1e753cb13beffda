#include "config/check_services.hpp"

#include <algorithm>

namespace sluice::conf {
namespace {

std::string ports_of(std::uint32_t count) { return std::to_string(count) + (count == 1 ? " port" : " ports"); }

/// A target range is paired with the listener's, port by port; one target port serves a listener of any length.
void check_ranges(const service_config& service, const service_places& places, report& problems) {
  for (std::size_t i = 0; i < service.backends.size(); ++i) {
    const address& target = service.backends[i].target;
    if (target.type != address::kind::tcp || target.ports.size() == 1) continue;
    const auto unlike =
        std::find_if(service.listeners.begin(), service.listeners.end(), [&](const listener_config& listener) {
          return listener.listen.type != address::kind::tcp || listener.listen.ports.size() != target.ports.size();
        });
    if (unlike == service.listeners.end()) continue;
    const std::uint32_t listening = unlike->listen.type == address::kind::tcp ? unlike->listen.ports.size() : 1;
    problems
        .error(places.backends[i], "range-length",
               to_string(target) + " has " + ports_of(target.ports.size()) + ", " + to_string(unlike->listen) +
                   " has " + (unlike->listen.type == address::kind::tcp ? ports_of(listening) : "none"),
               "both ranges need the same length, or the target a single port")
        .related.emplace_back(unlike->where, "the listener");
  }
}

void check_weights(const service_config& service, const service_places& places, report& problems) {
  const bool some = std::any_of(service.backends.begin(), service.backends.end(),
                                [](const backend_config& b) { return b.weight > 0; });
  // Who writes a backends_file may drain all of them.
  if (some || service.backends.empty() || !places.complete || !service.backends_file.empty()) return;
  problems
      .error(places.backend_list, "zero-weights", "every backend of `" + service.name + "` has weight 0",
             "weight 0 takes a backend out of turn; at least one must stay in")
      .related.emplace_back(service.where, "the service");
}

}  // namespace

void check_services(loaded& all) {
  for (std::size_t i = 0; i < all.settings.services.size(); ++i) {
    check_ranges(all.settings.services[i], all.places[i], all.problems);
    check_weights(all.settings.services[i], all.places[i], all.problems);
  }
}

}  // namespace sluice::conf
