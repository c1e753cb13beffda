#pragma once

#include "config/loaded.hpp"

namespace sluice::conf {

/// The value of `listen`: a text, a table or a list of them.
void read_listeners(const member& entry, const source_text& source, report& problems, service_config& service,
                    service_places& places);

/// The value of `backends`.
void read_backends(const member& entry, const source_text& source, report& problems, service_config& service,
                   service_places& places);

}  // namespace sluice::conf
