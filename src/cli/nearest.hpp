#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::cli {

/// The candidate most like `word`, for "did you mean"; empty if none is near enough to be worth saying.
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace sluice::cli
