#include "config/check_listeners.hpp"

#include "config/reach.hpp"

namespace sluice::conf {
namespace {

std::string explain(const address& first, const address& second) {
  if (first == second) return to_string(first) + " is used twice";
  if (first.type == address::kind::unix_path)
    return to_string(second) + " and " + to_string(first) + " are the same socket file";
  return to_string(second) + " and " + to_string(first) + " want the same port";
}

std::string hint_for(const address& first, const address& second) {
  if (first == second || first.type != address::kind::tcp) return "each address can have one listener";
  const bool same_host = first.host == second.host;
  return same_host ? "port ranges must not overlap"
                   : "a listener on every address leaves no room for one on the same port";
}

}  // namespace

void check_listeners(loaded& all) {
  const std::vector<listener_entry> entries = sorted_listeners(all.settings.services);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (std::size_t j = i + 1; j < entries.size(); ++j) {
      const listener_entry* first = &entries[i];
      const listener_entry* second = &entries[j];
      const bool beyond = first->listen.type != second->listen.type || first->listen.path != second->listen.path ||
                          second->listen.ports.first > first->listen.ports.last;
      if (beyond) break;
      if (!overlap(first->listen, second->listen)) continue;
      // The later one in the file is the one complained about.
      if (std::pair(second->service, second->listener) < std::pair(first->service, first->listener))
        std::swap(first, second);
      const service_config& owner = all.settings.services[first->service];
      const listener_config& before = owner.listeners[first->listener];
      const address& after = all.settings.services[second->service].listeners[second->listener].listen;
      all.problems
          .error(all.places[second->service].listeners[second->listener], "address-conflict",
                 explain(before.listen, after), hint_for(before.listen, after))
          .related.emplace_back(before.where, "first used here, by `" + owner.name + "`");
      break;
    }
  }
}

}  // namespace sluice::conf
