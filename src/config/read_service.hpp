#pragma once

#include <string>
#include <vector>

#include "config/loaded.hpp"

namespace sluice::conf {

/// [service.NAME]: everything in the table `services`, after [defaults] is known.
void read_services(const member& services, const source_text& source, loaded& into);

/// [forward]: a service a line.
void read_forwards(const member& forward, const source_text& source, loaded& into);

/// LISTEN=TARGET words, of the command line or of SLUICE_FORWARD.
void read_forward_words(const std::vector<std::string>& words, const source_text& source, loaded& into);

}  // namespace sluice::conf
