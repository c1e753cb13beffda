#include "config/reach.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <tuple>

namespace sluice::conf {
namespace {

constexpr std::string_view mapped_prefix = "::ffff:";

enum class family : std::uint8_t { any, v4, v6, name };

/// A host as the kernel sees it: v4-mapped literals are IPv4.
struct host_view {
  family kind = family::name;
  std::string_view text;
  bool wildcard = false;
};

host_view view_of(std::string_view host) {
  if (host.empty()) return {family::any, host, true};
  if (host.starts_with(mapped_prefix) && host.find('.') != std::string_view::npos)
    host.remove_prefix(mapped_prefix.size());
  if (host.find(':') != std::string_view::npos) return {family::v6, host, host == "::"};
  const bool digits = std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (!digits) return {family::name, host, false};
  return {family::v4, host, host == "0.0.0.0"};
}

bool same_family(const host_view& left, const host_view& right) {
  return left.kind == family::any || right.kind == family::any || left.kind == right.kind;
}

bool share_port(const port_range& left, const port_range& right) {
  return left.first <= right.last && right.first <= left.last && left.last != 0 && right.last != 0;
}

bool is_loopback(const host_view& host) {
  return (host.kind == family::v4 && host.text.starts_with("127.")) || (host.kind == family::v6 && host.text == "::1");
}

bool host_reaches(const host_view& target, const host_view& listen, const own_address_test& is_own) {
  if (!same_family(target, listen)) return false;
  if (!listen.wildcard) return listen.text == target.text;
  return is_loopback(target) || (target.kind != family::name && is_own && is_own(std::string(target.text)));
}

}  // namespace

address resolved(address value) {
  if (value.type != address::kind::unix_path) return value;
  std::error_code failure;
  const std::filesystem::path whole = std::filesystem::absolute(value.path, failure);
  value.path = (failure ? std::filesystem::path(value.path) : whole).lexically_normal().string();
  return value;
}

std::vector<listener_entry> sorted_listeners(const std::vector<service_config>& services) {
  std::vector<listener_entry> entries;
  for (std::size_t i = 0; i < services.size(); ++i) {
    const std::vector<listener_config>& listeners = services[i].listeners;
    for (std::size_t j = 0; j < listeners.size(); ++j) entries.push_back({resolved(listeners[j].listen), i, j});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const listener_entry& left, const listener_entry& right) {
    return std::tie(left.listen.type, left.listen.ports.first, left.listen.path) <
           std::tie(right.listen.type, right.listen.ports.first, right.listen.path);
  });
  return entries;
}

bool overlap(const address& left, const address& right) {
  if (left.type != right.type) return false;
  if (left.type != address::kind::tcp) return left.path == right.path;
  const host_view a = view_of(left.host);
  const host_view b = view_of(right.host);
  return share_port(left.ports, right.ports) && same_family(a, b) && (a.wildcard || b.wildcard || a.text == b.text);
}

bool reaches(const address& target, const address& listen, const own_address_test& is_own) {
  if (target.type != listen.type) return false;
  if (target.type != address::kind::tcp) return target.path == listen.path;
  if (!share_port(target.ports, listen.ports)) return false;
  const host_view host = view_of(listen.host);
  const host_view wanted = view_of(target.host);
  // Connecting to a wildcard, or to the name every system has for itself, is connecting to loopback.
  const host_view loopback_v4 = view_of("127.0.0.1");
  const host_view loopback_v6 = view_of("::1");
  if (wanted.wildcard) return host_reaches(wanted.kind == family::v4 ? loopback_v4 : loopback_v6, host, is_own);
  if (wanted.text == "localhost")
    return host_reaches(loopback_v4, host, is_own) || host_reaches(loopback_v6, host, is_own);
  return host_reaches(wanted, host, is_own);
}

}  // namespace sluice::conf
