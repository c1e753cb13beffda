#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sluice/config.hpp"
#include "sluice/config_load.hpp"

#include "config/reach.hpp"

namespace sluice::conf {

/// Which services lead to which: sessions of one arrive at another's listener where that is what a backend's address
/// means. Each literal is asked about once.
class loop_finder {
 public:
  loop_finder(const std::vector<service_config>& services, own_address_test is_own);

  /// Sessions of the service may go to the target from now on.
  void add(std::size_t service, const address& target);
  /// A listener that sessions of the service would arrive at by the target, and from which they would come to the
  /// service again, by what was added. nullptr: there is none.
  const listener_entry* way_back(std::size_t service, const address& target) const;

 private:
  std::vector<const listener_entry*> arrivals(const address& target) const;
  bool leads_to(std::size_t start, std::size_t goal) const;

  own_address_test is_own_;
  mutable std::map<std::string, bool> asked_;
  std::vector<listener_entry> listeners_;
  std::uint32_t longest_ = 1;  ///< range of ports of a listener
  std::vector<std::vector<std::size_t>> next_;
};

}  // namespace sluice::conf
