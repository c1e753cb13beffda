#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// [service.NAME]: everything in the table `services`, after [defaults] is known.
void read_services(const member& services, const source_text& source, loaded& into);

/// [forward]: a service a line.
void read_forwards(const member& forward, const source_text& source, loaded& into);

/// LISTEN=TARGET words, of the command line or of SLUICE_FORWARD: a line of the source each. Empty ones are none.
void read_forward_words(const source_text& source, loaded& into);

}  // namespace sluice::conf
