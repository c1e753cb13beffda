#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sluice/config_load.hpp"

#include "config/loaded.hpp"

namespace sluice::conf {

/// While a configuration is read: adds what stands in service.backends_file to the service. `at` is the key's value. A
/// file that is not there yet is a warning, one that can't be read or is wrong an error.
void read_backends_file(const spot& at, loaded& into, service_config& service, service_places& places);

/// What a service's backends_file says now.
struct backends_result {
  std::vector<backend_config> backends;  ///< meaningful only when ok(); may be none
  std::vector<diagnostic> diagnostics;
  bool ok() const noexcept { return diagnostics.empty(); }
};

/// Reads a new text of the backends_file of settings.services[service] with the checks that a configuration gets;
/// `is_own` as config_sources has it.
backends_result load_backends(const sluice::config& settings, std::size_t service, const std::string& text,
                              const own_address_test& is_own = {});

}  // namespace sluice::conf
