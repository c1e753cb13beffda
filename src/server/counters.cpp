#include "server/counters.hpp"

namespace sluice::server {

void worker_counters::add_to(stats& sum) const noexcept {
  sum.accepted += accepted.value();
  sum.active += active.load(std::memory_order_relaxed);
  sum.rejected += rejected.value();
  sum.accept_pauses += accept_pauses.value();
  sum.connect_failures += connect_failures.value();
  sum.retries += retries.value();
  sum.retries_refused += retries_refused.value();
  sum.queued += queued.value();
  sum.queue_wait_ns += queue_wait_ns.value();
  sum.spares_made += spares_made.value();
  sum.spares_used += spares_used.value();
  sum.spares_lost += spares_lost.value();
  sum.received_from_clients += received_from_clients.value();
  sum.sent_to_clients += sent_to_clients.value();
  for (std::size_t i = 0; i < closed.size(); ++i) sum.closed[i] += closed[i].value();
  relaying.add_to(sum.relay);
}

}  // namespace sluice::server
