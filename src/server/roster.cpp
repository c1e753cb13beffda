#include "server/roster.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

namespace sluice::server {
namespace {

std::optional<sys::socket_address> known_address(const address& target) {
  switch (target.type) {
    case address::kind::tcp: return sys::socket_address::from_literal(target.host, 0);
    case address::kind::unix_path: return sys::socket_address::from_unix_path(target.path);
    case address::kind::unix_abstract: return sys::socket_address::from_unix_abstract(target.path);
    case address::kind::activated:  // no backend is one
    case address::kind::srv: break;
  }
  return std::nullopt;
}

/// "10.0.0.5" of "10.0.0.5:0".
std::string host_of(const sys::socket_address& found) {
  const std::string text = to_string(found);
  const std::string host = text.substr(0, text.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

address literal(const sys::socket_address& found, const port_range& ports) {
  return {address::kind::tcp, host_of(found), ports, {}};
}

/// Each as a backend of its own. The order is that of the addresses, so that every process agrees on it. IPv6 comes
/// after IPv4 in an answer where this host has no route to it: then it is left out.
std::vector<sys::socket_address> each_of(address_list found) {
  const bool without_ipv6 = !found.empty() && found.front().family() == AF_INET;
  if (without_ipv6) std::erase_if(found, [](const auto& one) { return one.family() != AF_INET; });
  std::sort(found.begin(), found.end(), [](const sys::socket_address& a, const sys::socket_address& b) {
    if (a.family() != b.family()) return a.family() < b.family();
    if (a.family() == AF_INET) return std::memcmp(&a.ipv4().sin_addr, &b.ipv4().sin_addr, sizeof(in_addr)) < 0;
    return std::memcmp(&a.ipv6().sin6_addr, &b.ipv6().sin6_addr, sizeof(in6_addr)) < 0;
  });
  return found;
}

class gatherer {
 public:
  gatherer(service& of, const dns_answers& known, const address_filter& may_use)
      : service_(of), known_(known), may_use_(may_use) {}

  void add(const backend_config& line) {
    if (line.target.type == address::kind::srv) return add_records(line);
    if (!is_name(line.target)) {
      const std::optional<sys::socket_address> at = known_address(line.target);
      return add_member(line.target, at ? address_list{*at} : address_list{}, line);
    }
    const auto answer = known_.names.find(line.target.host);
    const address_list found =
        answer == known_.names.end() ? address_list{} : usable(answer->second.addresses, line.target.ports, line);
    if (line.resolve == resolve_mode::all) return add_each(found, line.target.ports, line);
    add_member(line.target, found, line);
  }

  std::vector<member> members;

 private:
  void add_records(const backend_config& line) {
    const auto answer = known_.services.find(line.target.host);
    if (answer == known_.services.end()) return;
    for (const connect::srv_target& one : answer->second.targets) {
      backend_config record = line;
      record.weight = std::max<std::uint32_t>(one.weight, 1);  // 0 is the least share there, and none at all here
      record.priority = one.priority;
      const port_range port{one.port, one.port};
      if (line.resolve == resolve_mode::all) {
        add_each(usable(one.addresses, port, line), port, record);
      } else {
        add_found({address::kind::tcp, one.host, port, {}}, usable(one.addresses, port, line), record);
      }
    }
  }

  address_list usable(address_list found, const port_range& ports, const backend_config& line) const {
    if (may_use_) std::erase_if(found, [&](const auto& one) { return !may_use_(line, literal(one, ports)); });
    return found;
  }

  void add_each(const address_list& found, const port_range& ports, const backend_config& as) {
    for (const sys::socket_address& one : each_of(found)) add_found(literal(one, ports), {one}, as);
  }

  void add_found(const address& target, address_list at, const backend_config& as) {
    const auto& object = service_.backend_of(target);
    if (!present_.contains(object.get())) add_member(target, std::move(at), as);
  }

  void add_member(const address& target, address_list at, const backend_config& as) {
    members.push_back(
        {service_.backend_of(target), std::move(at), as.weight, as.max_connections, as.priority, as.backup});
    present_.insert(members.back().object.get());
  }

  service& service_;
  const dns_answers& known_;
  const address_filter& may_use_;
  std::set<const backend*> present_;
};

}  // namespace

bool is_name(const address& target) {
  return target.type == address::kind::srv ||
         (target.type == address::kind::tcp && !sys::socket_address::from_literal(target.host, 0));
}

std::vector<member> make_members(service& of, const std::vector<backend_config>& lines, const dns_answers& known,
                                 const address_filter& may_use) {
  gatherer all(of, known, may_use);
  for (const backend_config& line : lines) all.add(line);
  return std::move(all.members);
}

bool is_same_roster(const std::vector<member>& a, const std::vector<member>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const member& left, const member& right) {
    return left.object == right.object && left.weight == right.weight && left.priority == right.priority &&
           left.max_connections == right.max_connections && left.backup == right.backup;
  });
}

std::shared_ptr<const snapshot> make_routes(const config& settings) {
  auto routes = std::make_shared<snapshot>();
  for (const service_config& one : settings.services) {
    auto object = std::make_shared<service>(one);
    std::vector<member> members = make_members(*object, one.backends, {});
    routes->push_back({std::move(object), std::move(members), 0});
  }
  return routes;
}

}  // namespace sluice::server
