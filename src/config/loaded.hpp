#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/config.hpp"
#include "sluice/config_load.hpp"

#include "config/document.hpp"
#include "config/report.hpp"

namespace sluice::conf {

/// Where the parts of a service were written, for the checks: same indices as in service_config.
struct service_places {
  spot where;
  std::vector<spot> listeners;
  std::vector<spot> backends;
  spot backend_list;
  bool complete = true;  ///< false: parts were left out because they were wrong, so counting them would mislead
  std::map<std::string, spot, std::less<>> health;  ///< values of keys health.*
};

/// A configuration while it is read, with all that messages and `config show --origin` want to know.
struct loaded {
  sluice::config settings;
  service_defaults defaults;
  std::vector<service_places> places;          ///< of settings.services
  std::map<std::string, std::string> origins;  ///< "log.level", "service.web.relay" -> where it was set
  std::set<std::string> forwarded;             ///< services that are one LISTEN = "TARGET" line
  std::map<std::string, std::string> environment;
  own_address_test is_own;        ///< see config_sources
  std::deque<source_text> texts;  ///< spots point into it: elements never move
  report problems;

  const source_text& add_text(std::string name, std::vector<std::string> lines = {}) {
    return texts.emplace_back(source_text{std::move(name), std::move(lines)});
  }
  void add_service(service_config service, service_places where);
  /// Free for a service; the same name with "#2" otherwise.
  std::string free_name(const std::string& wanted) const;

 private:
  std::set<std::string> names_;
};

inline void loaded::add_service(service_config service, service_places where) {
  names_.insert(service.name);
  settings.services.push_back(std::move(service));
  places.push_back(std::move(where));
}

inline std::string loaded::free_name(const std::string& wanted) const {
  std::string name = wanted;
  for (int number = 2; names_.contains(name); ++number) name = wanted + '#' + std::to_string(number);
  return name;
}

}  // namespace sluice::conf
