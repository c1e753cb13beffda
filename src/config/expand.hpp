#pragma once

#include <map>
#include <string>

#include "config/document.hpp"
#include "config/report.hpp"

namespace sluice::conf {

/// Replaces ${NAME} and ${NAME:-text} in every text value, and in the listen addresses that are the keys of [forward].
/// $${ stands for ${ itself. A variable that is unset and has no text to stand in for it is an error.
void expand_variables(node& root, const std::map<std::string, std::string>& environment, const source_text& source,
                      report& problems);

}  // namespace sluice::conf
