#include "config/check_loops.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "config/reach.hpp"

namespace sluice::conf {
namespace {

/// A backend of one service that is a listener of another, or of the same.
struct link {
  std::size_t from;
  std::size_t backend;
  const listener_entry* to;
};

/// The listeners that may have a port of the target: sorted by their first port, none longer than `longest`.
std::pair<const listener_entry*, const listener_entry*> candidates(const std::vector<listener_entry>& listeners,
                                                                   const address& target, std::uint32_t longest) {
  const auto before = [&](const listener_entry& entry) {
    return std::tuple(entry.listen.type, entry.listen.ports.first + longest) <=
           std::tuple(target.type, std::uint32_t{target.ports.first});
  };
  const auto not_beyond = [&](const listener_entry& entry) {
    return std::tuple(entry.listen.type, entry.listen.ports.first) <= std::tuple(target.type, target.ports.last);
  };
  const listener_entry* begin = listeners.data();
  const listener_entry* end = begin + listeners.size();
  return {std::partition_point(begin, end, before), std::partition_point(begin, end, not_beyond)};
}

std::vector<link> find_links(const loaded& all, const std::vector<listener_entry>& listeners) {
  std::uint32_t longest = 1;
  for (const listener_entry& entry : listeners) longest = std::max(longest, entry.listen.ports.size());
  std::vector<link> links;
  for (std::size_t i = 0; i < all.settings.services.size(); ++i) {
    const std::vector<backend_config>& backends = all.settings.services[i].backends;
    for (std::size_t j = 0; j < backends.size(); ++j) {
      const address target = resolved(backends[j].target);
      const auto [begin, end] = candidates(listeners, target, longest);
      for (const listener_entry* entry = begin; entry < end; ++entry) {
        if (reaches(target, entry->listen)) links.push_back({i, j, entry});
      }
    }
  }
  return links;
}

/// True if sessions of `start` can come to `goal` through links.
bool leads_to(std::size_t start, std::size_t goal, const std::vector<std::vector<std::size_t>>& next) {
  std::vector<bool> seen(next.size(), false);
  std::vector<std::size_t> open{start};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (at == goal) return true;
    if (seen[at]) continue;
    seen[at] = true;
    open.insert(open.end(), next[at].begin(), next[at].end());
  }
  return false;
}

}  // namespace

void check_loops(loaded& all) {
  const std::vector<listener_entry> listeners = sorted_listeners(all);
  const std::vector<link> links = find_links(all, listeners);
  std::vector<std::vector<std::size_t>> next(all.settings.services.size());
  for (const link& entry : links) next[entry.from].push_back(entry.to->service);
  const link* reported = nullptr;
  for (const link& entry : links) {
    // A range may come back to many listeners: one of them is told.
    if (reported != nullptr && reported->from == entry.from && reported->backend == entry.backend) continue;
    if (!leads_to(entry.to->service, entry.from, next)) continue;
    reported = &entry;
    const service_config& own = all.settings.services[entry.from];
    const service_config& other = all.settings.services[entry.to->service];
    const std::string text =
        to_string(own.backends[entry.backend].target) + " is sluice itself: sessions would go round for ever";
    all.problems.error(all.places[entry.from].backends[entry.backend], "loop", text, "name another address or port")
        .related.emplace_back(other.listeners[entry.to->listener].where,
                              "the listener it comes back to, of `" + other.name + "`");
  }
}

}  // namespace sluice::conf
