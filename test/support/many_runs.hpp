#pragma once

#include <cstddef>
#include <functional>

namespace sluice::support {

/// Calls `one(n)` for each n below `runs`, in several threads at a time. After the first exception no further call is
/// made, and it is thrown.
void many_runs(std::size_t runs, std::size_t threads, const std::function<void(std::size_t)>& one);

}  // namespace sluice::support
