#include "config/check_loops.hpp"

#include "config/loop_finder.hpp"

namespace sluice::conf {

void check_loops(loaded& all) {
  const std::vector<service_config>& services = all.settings.services;
  loop_finder loops(services, all.is_own);
  for (std::size_t i = 0; i < services.size(); ++i)
    for (const backend_config& one : services[i].backends) loops.add(i, one.target);
  for (std::size_t i = 0; i < services.size(); ++i) {
    for (std::size_t j = 0; j < services[i].backends.size(); ++j) {
      const address& target = services[i].backends[j].target;
      const listener_entry* back = loops.way_back(i, target);
      if (back == nullptr) continue;
      const bool known_by_interface = !reaches(resolved(target), back->listen, {});
      const service_config& other = services[back->service];
      all.problems
          .error(all.places[i].backends[j], "loop",
                 to_string(target) + " is sluice itself: sessions would go round for ever",
                 known_by_interface ? target.host + " is an address of this machine: name another one, or another port"
                                    : "name another address or port")
          .related.emplace_back(other.listeners[back->listener].where,
                                "the listener it comes back to, of `" + other.name + "`");
    }
  }
}

}  // namespace sluice::conf
