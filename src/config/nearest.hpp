#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::conf {

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view left, std::string_view right);

/// The candidate a person most likely meant, or "" if none is near: at most a third of the letters wrong, at least one
/// allowed, or else one that begins with all of them.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace sluice::conf
