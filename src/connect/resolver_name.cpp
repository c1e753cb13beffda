#include "connect/resolver_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

namespace sluice::connect {
namespace {

using kind = lookup_result::kind;

/// By family, then by address.
struct address_less {
  bool operator()(const sys::socket_address& a, const sys::socket_address& b) const noexcept {
    if (a.family() != b.family()) return a.family() < b.family();
    if (a.family() == AF_INET) return ntohl(a.ipv4().sin_addr.s_addr) < ntohl(b.ipv4().sin_addr.s_addr);
    return std::memcmp(&a.ipv6().sin6_addr, &b.ipv6().sin6_addr, sizeof(in6_addr)) < 0;
  }
};
using address_set = std::set<sys::socket_address, address_less>;

bool is_same_set(const std::vector<sys::socket_address>& a, const std::vector<sys::socket_address>& b) {
  const address_set left(a.begin(), a.end());
  const address_set right(b.begin(), b.end());
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

std::vector<sys::socket_address> each_once(const std::vector<sys::socket_address>& addresses) {
  address_set seen;
  std::vector<sys::socket_address> kept;
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(kept),
               [&](const sys::socket_address& address) { return seen.insert(address).second; });
  return kept;
}

}  // namespace

bool resolver_name::is_answered(const family_answer& family) noexcept {
  return family.is_fresh && family.last.what == kind::answered;
}

/// Holds on while the next round is under way: staleness does not flicker.
bool resolver_name::keeps_old(const family_answer& family) noexcept {
  return family.last.what == kind::failed && !family.good.empty();
}

void resolver_name::take(int family, lookup_result result) {
  family_answer& answer = family == AF_INET ? ipv4_ : ipv6_;
  answer.last = std::move(result);
  answer.is_fresh = true;
}

void resolver_name::take_all(lookup_result result) {
  for (const int family : {AF_INET, AF_INET6}) {
    lookup_result part = result;
    std::erase_if(part.addresses, [&](const auto& address) { return address.family() != family; });
    if (part.addresses.empty()) part.what = kind::nothing;
    take(family, std::move(part));
  }
}

bool resolver_name::is_gone() const noexcept {
  return empty_applies_ && is_complete() && ipv4_.last.what == kind::nothing && ipv6_.last.what == kind::nothing;
}

/// "Nothing" is believed beside an answer of the other family: then the name lives and has no such address. Alone it is
/// how a broken zone looks, and wipes what works only if that was asked for.
void resolver_name::fold(family_answer& family) const {
  if (!family.is_fresh) return;
  if (family.last.what == kind::answered) family.good = each_once(family.last.addresses);
  if (family.last.what == kind::nothing && (has_answer() || is_gone())) family.good.clear();
}

bool resolver_name::settle(const route_probe& has_route) {
  fold(ipv4_);
  fold(ipv6_);

  resolution now;
  now.name = known_.name;
  const bool ipv6_first = !ipv6_.good.empty() && (ipv4_.good.empty() || has_route(ipv6_.good.front()));
  const auto& [first, second] = ipv6_first ? std::tie(ipv6_.good, ipv4_.good) : std::tie(ipv4_.good, ipv6_.good);
  now.addresses = first;
  now.addresses.insert(now.addresses.end(), second.begin(), second.end());
  if (is_same_set(now.addresses, known_.addresses)) now.addresses = known_.addresses;

  // A family that fails, and never had an address, is of no interest while the other answers.
  for (const family_answer* family : {&ipv4_, &ipv6_}) {
    const bool matters = keeps_old(*family) || !has_answer();
    if (!matters) continue;
    now.stale = !is_gone();
    const bool says_more = family->last.what == kind::failed;
    if (now.error.empty() || says_more) now.error = family->last.error;
  }

  const bool changed = now.addresses != known_.addresses || now.stale != known_.stale || now.error != known_.error;
  known_ = std::move(now);
  return changed;
}

std::chrono::milliseconds resolver_name::next_look_up(const refresh_rules& rules) noexcept {
  auto wait = rules.ttl_ceiling;
  for (const family_answer* family : {&ipv4_, &ipv6_}) {
    if (!is_answered(*family)) continue;
    const auto ttl = std::min<std::chrono::seconds>(family->last.ttl, std::chrono::hours(24));
    wait = std::min(wait, std::max<std::chrono::milliseconds>(ttl, rules.ttl_floor));
  }
  if (!known_.stale) {
    failures_ = 0;
    return wait;
  }
  auto retry = rules.first_retry;
  for (unsigned i = 0; i < failures_ && retry < rules.last_retry; ++i) retry *= 2;
  ++failures_;
  return std::min({wait, retry, rules.last_retry});
}

}  // namespace sluice::connect
