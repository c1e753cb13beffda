#pragma once

#include <string>

namespace sluice::support {

/// What a test of a fault has measured, for the table in docs/reliability.md: a line "figure ROW: TEXT" on standard
/// output, and in the file that SLUICE_FIGURES names.
void figure(const std::string& row, const std::string& text);

}  // namespace sluice::support
