#include "config/loop_finder.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::conf {

loop_finder::loop_finder(const std::vector<service_config>& services, own_address_test is_own)
    : is_own_(std::move(is_own)), listeners_(sorted_listeners(services)), next_(services.size()) {
  for (const listener_entry& entry : listeners_) longest_ = std::max(longest_, entry.listen.ports.size());
}

void loop_finder::add(std::size_t service, const address& target) {
  for (const listener_entry* entry : arrivals(target)) next_[service].push_back(entry->service);
}

const listener_entry* loop_finder::way_back(std::size_t service, const address& target) const {
  for (const listener_entry* entry : arrivals(target))
    if (leads_to(entry->service, service)) return entry;
  return nullptr;
}

/// The listeners at which a connection to the target arrives. Those that may have a port of it stand together: they are
/// sorted by their first port, and none is longer than `longest_`.
std::vector<const listener_entry*> loop_finder::arrivals(const address& target) const {
  const address meant = resolved(target);
  const auto before = [&](const listener_entry& entry) {
    return std::tuple(entry.listen.type, entry.listen.ports.first + longest_) <=
           std::tuple(meant.type, std::uint32_t{meant.ports.first});
  };
  const auto not_beyond = [&](const listener_entry& entry) {
    return std::tuple(entry.listen.type, entry.listen.ports.first) <= std::tuple(meant.type, meant.ports.last);
  };
  const own_address_test is_own = [this](const std::string& literal) {
    const auto [at, is_new] = asked_.try_emplace(literal, false);
    if (is_new && is_own_) at->second = is_own_(literal);
    return at->second;
  };
  const auto end = std::partition_point(listeners_.begin(), listeners_.end(), not_beyond);
  std::vector<const listener_entry*> found;
  for (auto at = std::partition_point(listeners_.begin(), listeners_.end(), before); at < end; ++at)
    if (reaches(meant, at->listen, is_own)) found.push_back(&*at);
  return found;
}

/// True if sessions of `start` can come to `goal`.
bool loop_finder::leads_to(std::size_t start, std::size_t goal) const {
  std::vector<bool> seen(next_.size(), false);
  std::vector<std::size_t> open{start};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (at == goal) return true;
    if (seen[at]) continue;
    seen[at] = true;
    open.insert(open.end(), next_[at].begin(), next_[at].end());
  }
  return false;
}

}  // namespace sluice::conf
