#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "sluice/close_reason.hpp"
#include "sluice/stats.hpp"

#include "relay/counters.hpp"

namespace sluice::server {

/// What one worker has done. Written by the worker, read by any thread.
struct worker_counters {
  relay::counter accepted;
  relay::counter rejected;
  relay::counter accept_pauses;
  relay::counter connect_failures;
  relay::counter retries;
  relay::counter retries_refused;
  relay::counter queued;
  relay::counter queue_wait_ns;
  relay::counter spares_made;
  relay::counter spares_used;
  relay::counter spares_lost;
  relay::counter received_from_clients;
  relay::counter sent_to_clients;
  std::array<relay::counter, close_reason_count> closed;
  std::atomic<std::uint32_t> active{0};
  relay::counters relaying;

  void add_to(stats& sum) const noexcept;
};

}  // namespace sluice::server
