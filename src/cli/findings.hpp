#pragma once

#include <iosfwd>
#include <string>

#include "sluice/config_load.hpp"

namespace sluice::cli {

/// Writes every diagnostic as people read it.
void print_findings(std::ostream& out, const std::vector<diagnostic>& findings, bool colour);

/// How big a configuration is, in a few words: "3 services, 12 listeners, 5 backends". A range of ports is as many
/// listeners as it has ports.
std::string summary_of(const config& settings);

/// What `check --json` prints: one object with ok, source, the counts if it is good, and the findings.
std::string findings_as_json(const load_result& result, const std::string& source);

}  // namespace sluice::cli
