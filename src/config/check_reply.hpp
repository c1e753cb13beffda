#pragma once

#include <string>

#include "config/report.hpp"

namespace sluice::conf {

/// Reports the value of a `reply.file` that cannot be read.
void check_reply(const std::string& path, const spot& at, report& problems);

}  // namespace sluice::conf
