#include "cli/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sluice::cli {
namespace {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edits(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before_last(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t fewest = 1 + word.size() / 3;
  for (const auto candidate : candidates) {
    const bool is_beginning = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t distance = is_beginning ? 0 : edits(word, candidate);
    if (distance <= fewest && (best.empty() || distance < fewest)) {
      best = candidate;
      fewest = distance;
    }
  }
  return std::string(best);
}

}  // namespace sluice::cli
