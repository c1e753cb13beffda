// What is left of a session once it has ended.
#include <algorithm>

#include "server/session.hpp"
#include "server/worker.hpp"
#include "sys/clock.hpp"

namespace sluice::server {

log::session_record session::record(close_reason reason, int error) const {
  log::session_record result;
  result.id = id_;
  result.service = &service_->name;
  result.backend = backend_ != nullptr ? &backend_->name : nullptr;
  result.client = client_;
  result.local = local_;
  const entrance& door = home_.entrance_at(entrance_);
  if (door.address.is_unix()) result.local_name = &door.name;
  result.backend_address = backend_address_;
  result.attempts = attempts_;
  if (connected_at_ != 0) result.connect_ns = connected_at_ - accepted_at_;
  result.queue_ns = queue_ns_;
  result.duration_ns = home_.now() - accepted_at_;
  result.bytes_received = relay_.client_to_backend().bytes_in();
  result.bytes_sent = relay_.backend_to_client().bytes_out() + replied_bytes_;
  result.bytes_copied = relay_.client_to_backend().bytes_copied() + relay_.backend_to_client().bytes_copied();
  const std::uint64_t moved = result.bytes_received + relay_.backend_to_client().bytes_in();
  result.bytes_spliced = moved - std::min(moved, result.bytes_copied);
  result.reason = reason;
  result.error = error;
  result.reset_shown_as_eof = relay_.reset_shown_as_eof();
  if (home_.wants_records()) result.wall_us = sys::wall_us();
  return result;
}

}  // namespace sluice::server
