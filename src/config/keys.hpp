#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/config.hpp"
#include "sluice/config_keys.hpp"

#include "config/slot.hpp"

namespace sluice::conf {

/// A key of `[defaults]` and `[service.NAME]`, named as it stands there: "timeouts.idle".
struct service_row {
  std::string_view name;
  slot (*find)(service_defaults&);
  bounds limits;
  std::string_view doc;
};

/// A key of the whole program: "log.level".
struct program_row {
  std::string_view name;
  slot (*find)(sluice::config&);
  bounds limits;
  std::string_view doc;
};

/// A key of one backend, beside its address: "weight".
struct backend_row {
  std::string_view name;
  slot (*find)(backend_config&);
  bounds limits;
  std::string_view doc;
};

inline constexpr bounds weight_bounds{0, 65'535};

const std::vector<service_row>& service_rows();
/// Those of them that are about health.
const std::vector<service_row>& health_rows();
const std::vector<program_row>& program_rows();
const std::vector<backend_row>& backend_rows();

/// "log.level" -> "SLUICE_LOG_LEVEL".
std::string environment_name(std::string_view key);

}  // namespace sluice::conf
