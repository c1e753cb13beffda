#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/document.hpp"
#include "config/report.hpp"

namespace sluice::conf {

/// What may stand in a table.
struct key_names {
  std::vector<std::string> here;       ///< full dotted names below this table: "timeouts.idle"
  std::vector<std::string> elsewhere;  ///< names to suggest for a key that is right in another table
};

using key_taker = std::function<void(const std::string& name, const member& entry)>;

/// Gives every known key of a table, and of the tables in it, to `take`; the others are reported with the nearest name.
/// Those names come back: what is meant is not missing.
std::vector<std::string> read_keys(const node& table, const source_text& source, const key_names& names,
                                   report& problems, const key_taker& take);

}  // namespace sluice::conf
