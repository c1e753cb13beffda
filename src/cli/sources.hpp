#pragma once

#include <optional>
#include <string>

#include "sluice/config_load.hpp"

#include "cli/command_line.hpp"
#include "cli/console.hpp"

namespace sluice::cli {

/// Where the configuration comes from, as the command line and the environment say. With no file, no mapping and
/// neither SLUICE_CONFIG nor SLUICE_FORWARD it is the default file; nothing at all if that is not there either.
/// Throws usage_error where options contradict each other or -c is empty.
std::optional<config_sources> gather_sources(const invocation& call, const surroundings& around);

/// The same, but nothing to read is a usage_error too.
config_sources require_sources(const invocation& call, const surroundings& around);

/// The keys that `call`'s options set: --workers, --log-level, --log-format, --quiet, --verbose.
std::vector<config_override> overrides(const invocation& call);

/// For messages: the file's name, "command line" or "environment".
std::string name_of(const config_sources& sources);

}  // namespace sluice::cli
