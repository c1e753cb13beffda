#include "relay/bulk_wakes.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "sys/socket.hpp"

namespace sluice::relay {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr std::uint32_t least_mark = 32 * 1024;  ///< slower than so many bytes a millisecond is not worth a delay
constexpr std::uint32_t largest_mark = 256 * 1024;
constexpr std::uint32_t shortest_proof_ms = 8;
constexpr std::uint32_t longest_proof_ms = 1'024;
constexpr std::uint32_t most_vain_looks = 8;
constexpr std::uint32_t long_burst = 8;  ///< marks; the wait at the end of a longer one does not count

/// What gathers in a millisecond, between the bounds; 0 if that is too little.
std::uint32_t mark_for(std::uint64_t bytes, loop::time_ns in) noexcept {
  const std::uint64_t a_millisecond = bytes / static_cast<std::uint64_t>(std::max<loop::time_ns>(in / millisecond, 1));
  return a_millisecond < least_mark ? 0
                                    : static_cast<std::uint32_t>(std::min<std::uint64_t>(a_millisecond, largest_mark));
}

}  // namespace

loop::time_ns bulk_wakes::waits(stream& source, const progress& seen, loop::time_ns now) noexcept {
  // Who asks and answers is no bulk, however much it is.
  if (source_ != &source || seen.bytes_back != proof_from_.bytes_back) {
    set_mark(0);
    proven_bytes_ = 0;
    source_ = &source;
    due_ = loop::never;
    begin_proof(seen, now);
    return due_;
  }
  if (now - proof_began_ >= proof_ms_ * millisecond) {
    if (proven_bytes_ != 0) proof_ms_ = std::max(proof_ms_ / 2, shortest_proof_ms);
    proven_bytes_ = mark_for(seen.bytes - proof_from_.bytes, now - proof_began_);
    begin_proof(seen, now);
  }
  if (mark_bytes_ == 0) burst_begins_ = seen.bytes;
  set_mark(proven_bytes_);
  if (mark_bytes_ == 0) {
    due_ = loop::never;
  } else if (due_ == loop::never || seen.bytes != waits_after_) {
    waits_after_ = seen.bytes;
    vain_looks_ = 0;
    due_ = now + patience;
  }
  return due_;
}

void bulk_wakes::expire(std::size_t unread, loop::time_ns now) noexcept {
  if (unread == 0 && ++vain_looks_ < most_vain_looks) {
    due_ = now + patience;
    return;
  }
  due_ = loop::never;
  const bool was_short = waits_after_ - burst_begins_ < std::uint64_t{long_burst} * mark_bytes_;
  burst_begins_ = waits_after_;
  if (unread == 0) {
    set_mark(0);
    return;
  }
  source_->readable = true;
  if (!was_short) return;
  set_mark(0);
  proven_bytes_ = 0;
  proof_ms_ = std::min(proof_ms_ * 2, longest_proof_ms);
  begin_proof({waits_after_, proof_from_.bytes_back}, now);
}

void bulk_wakes::set_mark(std::uint32_t bytes) noexcept {
  if (mark_bytes_ == 0 && bytes == 0) return;
  // A rate that only wavers costs no call.
  if (bytes != 0 && mark_bytes_ != 0 && bytes < mark_bytes_ * 2 && mark_bytes_ < bytes * 2) return;
  const int error =
      sys::set_option(source_->fd.get(), SOL_SOCKET, SO_RCVLOWAT, bytes == 0 ? 1 : static_cast<int>(bytes));
  mark_bytes_ = error == 0 ? bytes : 0;
}

void bulk_wakes::begin_proof(const progress& seen, loop::time_ns now) noexcept {
  proof_from_ = seen;
  proof_began_ = now;
}

}  // namespace sluice::relay
