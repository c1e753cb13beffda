#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/config.hpp"

#include "connect/resolver.hpp"
#include "server/service.hpp"

namespace sluice::server {

/// What DNS says of the names in a configuration. A name that is absent was never answered.
struct dns_answers {
  std::map<std::string, connect::resolution> names;
  std::map<std::string, connect::srv_resolution> services;  ///< by the name of the SRV records
};

/// Whether its addresses come from DNS, by one of dns_answers' maps.
bool is_name(const address& target);

/// Whether an address that a line's name has may be used.
using address_filter = std::function<bool(const backend_config& line, const address& found)>;

/// The backends that a service has by these lines, in their order. A name is one member, or one an address or an SRV
/// record; an address that is a member already is not found a second time. The same target is the same object as ever.
/// Addresses that may not be used are as if the name did not have them.
std::vector<member> make_members(service& of, const std::vector<backend_config>& lines, const dns_answers& known,
                                 const address_filter& may_use = {});

/// Whether policies may go on as they are: the same backends, weights and priorities in the same order.
bool is_same_roster(const std::vector<member>& a, const std::vector<member>& b);

/// The routes of a configuration before any name is resolved: literals and unix paths have their address.
std::shared_ptr<const snapshot> make_routes(const config& settings);

}  // namespace sluice::server
