#pragma once

#include <string>
#include <string_view>

namespace sluice::conf {

/// `text` between double quotes, as messages show what was written. Not named `quoted`: <iomanip> has one that would be
/// found, too.
inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

}  // namespace sluice::conf
