#include "connect/resolver_srv.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::connect {

void resolver_srv::take(srv_result result) {
  using kind = lookup_result::kind;
  last_ = std::move(result);
  const bool is_gone = last_.what == kind::nothing && empty_applies_;
  is_stale_ = last_.what != kind::answered && !is_gone;
  if (is_stale_) return;
  good_ = std::move(last_.answer);
  hosts_.clear();
  for (const srv_answer::record& record : good_.targets)
    if (!good_.addresses.contains(record.host)) hosts_.insert(record.host);
  std::erase_if(answers_, [&](const auto& entry) { return !hosts_.contains(entry.first); });
}

void resolver_srv::take_host(const resolution& host) {
  if (hosts_.contains(host.name)) answers_[host.name] = host;
}

bool resolver_srv::is_complete() const noexcept { return answers_.size() == hosts_.size(); }

bool resolver_srv::settle() {
  srv_resolution now;
  now.name = known_.name;
  now.stale = is_stale_;
  now.error = last_.error;
  for (const srv_answer::record& record : good_.targets) {
    srv_target target{record.host, record.port, record.priority, record.weight, {}};
    if (const auto came = good_.addresses.find(record.host); came != good_.addresses.end()) {
      target.addresses = came->second;
    } else if (const auto answer = answers_.find(record.host); answer != answers_.end()) {
      target.addresses = answer->second.addresses;
      if (!answer->second.error.empty()) {
        now.stale = true;
        if (now.error.empty()) now.error = record.host + ": " + answer->second.error;
      }
    }
    now.targets.push_back(std::move(target));
  }
  const auto by_place = [](const srv_target& a, const srv_target& b) {
    return std::tie(a.priority, a.host, a.port) < std::tie(b.priority, b.host, b.port);
  };
  std::stable_sort(now.targets.begin(), now.targets.end(), by_place);
  // A server turns addresses round from answer to answer: that is no change.
  for (srv_target& target : now.targets) {
    const auto same = std::lower_bound(known_.targets.begin(), known_.targets.end(), target, by_place);
    if (same == known_.targets.end() || same->host != target.host || same->port != target.port) continue;
    if (std::is_permutation(target.addresses.begin(), target.addresses.end(), same->addresses.begin(),
                            same->addresses.end()))
      target.addresses = same->addresses;
  }
  const bool changed = now != known_;
  known_ = std::move(now);
  return changed;
}

std::chrono::milliseconds resolver_srv::next_look_up(const refresh_rules& rules) noexcept {
  if (!is_stale_) {
    failures_ = 0;
    if (last_.what == lookup_result::kind::nothing) return rules.ttl_floor;
    return std::clamp<std::chrono::milliseconds>(std::min<std::chrono::seconds>(good_.ttl, std::chrono::hours(24)),
                                                 rules.ttl_floor, std::max(rules.ttl_floor, rules.ttl_ceiling));
  }
  auto retry = rules.first_retry;
  for (unsigned i = 0; i < failures_ && retry < rules.last_retry; ++i) retry *= 2;
  ++failures_;
  return std::min({retry, rules.last_retry, rules.ttl_ceiling});
}

}  // namespace sluice::connect
