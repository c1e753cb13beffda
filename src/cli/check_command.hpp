#pragma once

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// Says whether the configuration is good, in words or as JSON. Throws usage_error.
exit_code check_command(const invocation& call, const surroundings& around);

/// Prints the configuration in force as TOML. Throws usage_error.
exit_code config_show_command(const invocation& call, const surroundings& around);

/// Prints the JSON Schema of configuration files.
exit_code config_schema_command(const invocation& call, const surroundings& around);

}  // namespace sluice::cli
