#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace sluice::support {

/// The value that a share (0 to 1) of them is at most; of at least one. Unlike the largest it is no matter of whoever
/// shares the machine.
template <typename T>
T percentile(std::vector<T> of, double share) {
  const auto last = static_cast<double>(of.size() - 1);
  const auto at = of.begin() + static_cast<std::ptrdiff_t>(last * share + 0.5);
  std::nth_element(of.begin(), at, of.end());
  return *at;
}

template <typename T>
T median(std::vector<T> of) {
  return percentile(std::move(of), 0.5);
}

}  // namespace sluice::support
