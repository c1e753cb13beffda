#include "relay/counters.hpp"

namespace sluice::relay {

void counters::add_to(relay_stats& sum) const noexcept {
  sum.bytes_spliced += bytes_spliced.value();
  sum.bytes_copied += bytes_copied.value();
  sum.fills += fills.value();
  sum.drains += drains.value();
  for (std::size_t i = 0; i < fallbacks.size(); ++i) sum.fallbacks[i] += fallbacks[i].value();
  sum.lost_edges += lost_edges.value();
  sum.pipes_in_use += pipes_in_use.value();
  sum.pipes_cached += pipes_cached.value();
  sum.pipe_pages += pipe_pages.value();
  sum.pipes_refused += pipes_refused.value();
  sum.pipes_short += pipes_short.value();
  sum.pipes_killed += pipes_killed.value();
}

}  // namespace sluice::relay
