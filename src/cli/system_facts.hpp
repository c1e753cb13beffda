#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::cli {

/// What a bug report needs, name and value: version, compiler, libraries, kernel and the limits that decide how many
/// connections and pipes there can be. A fact that the system does not tell has the value "unknown".
std::vector<std::pair<std::string, std::string>> system_facts();

/// How many processors a kernel list such as "0-3,8" names.
unsigned processors_in(std::string_view list);

}  // namespace sluice::cli
