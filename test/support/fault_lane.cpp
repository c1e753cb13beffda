#include "support/fault_lane.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sluice::support {
namespace {

/// Beyond this nothing is read, so that who sends feels the one who does not read.
constexpr std::size_t most_queued = 256 * 1024;
constexpr std::size_t piece_bytes = 64 * 1024;

}  // namespace

fault_lane::fault_lane(const faults& what, std::mt19937_64& random, bool hides_resets)
    : random_(random()), hides_resets_(hides_resets) {
  if (std::uniform_real_distribution<double>(0, 1)(random_) < what.probability) what_ = what;
  swallows_ = what_.black_hole_after && *what_.black_hole_after == 0;
}

void fault_lane::swallow() noexcept {
  swallows_ = true;
  state_ = state::open;
  queue_.clear();
  queued_bytes_ = 0;
}

bool fault_lane::wants_in() const noexcept {
  return state_ == state::open && !source_ended_ && queued_bytes_ < most_queued;
}

fault_lane::clock::time_point fault_lane::due() const noexcept {
  if (state_ != state::open || blocked_ || swallows_) return clock::time_point::max();
  if (!queue_.empty()) return std::max(queue_.front().due, next_slice_);
  return end_due_.value_or(clock::time_point::max());
}

void fault_lane::move(int source, int sink, clock::time_point now) {
  if (state_ != state::open) return;
  if (source >= 0 && wants_in()) fill(source, now);
  drain(sink, now);
}

void fault_lane::fill(int source, clock::time_point now) {
  std::vector<std::byte> bytes(piece_bytes);
  const ssize_t n = ::recv(source, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    bytes.resize(static_cast<std::size_t>(n));
    take(std::move(bytes), now);
    return;
  }
  source_ended_ = true;
  source_reset_ = n < 0 || source_broken_;
  end_due_ = later(now, what_.slow_close);
}

void fault_lane::take(std::vector<std::byte> bytes, clock::time_point now) {
  const std::uint64_t position = std::exchange(received_, received_ + bytes.size());
  if (swallows_) return;
  if (what_.tamper) what_.tamper(bytes, position);
  queued_bytes_ += bytes.size();
  queue_.push_back({std::move(bytes), 0, later(now, std::chrono::milliseconds(0))});
}

fault_lane::clock::time_point fault_lane::later(clock::time_point now, std::chrono::milliseconds more) {
  const auto jitter = std::uniform_int_distribution<std::int64_t>(0, what_.jitter.count())(random_);
  last_due_ = std::max(last_due_, now + what_.latency + std::chrono::milliseconds(jitter) + more);
  return last_due_;
}

/// Of the next piece, what the slices and the marks ahead leave.
std::size_t fault_lane::allowed(const piece& next) const noexcept {
  std::uint64_t most = next.bytes.size() - next.sent;
  if (what_.slice_bytes > 0) most = std::min<std::uint64_t>(most, what_.slice_bytes);
  // So that a rate is one over tenths of a second, too.
  if (what_.bytes_per_second > 0) most = std::min(most, std::max<std::uint64_t>(what_.bytes_per_second / 20, 1));
  for (const auto& mark : {what_.black_hole_after, what_.reset_after, what_.cut_after})
    if (mark) most = std::min(most, *mark - std::min(*mark, sent_));
  return static_cast<std::size_t>(most);
}

void fault_lane::drain(int sink, clock::time_point now) {
  blocked_ = false;
  while (!swallows_) {
    if (what_.reset_after && sent_ >= *what_.reset_after) state_ = state::reset;
    if (what_.cut_after && sent_ >= *what_.cut_after) state_ = state::cut;
    if (state_ != state::open) return;
    if (what_.black_hole_after && sent_ >= *what_.black_hole_after) {
      swallow();
      return;
    }
    if (queue_.empty() || std::max(queue_.front().due, next_slice_) > now) break;
    piece& next = queue_.front();
    const std::size_t wanted = allowed(next);
    const ssize_t n =
        next.bytes.empty() ? 0 : ::send(sink, next.bytes.data() + next.sent, wanted, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      blocked_ = errno == EAGAIN;
      if (!blocked_ && errno != EINTR) state_ = state::broken;
      return;
    }
    const auto moved = static_cast<std::size_t>(n);
    sent_ += moved;
    next.sent += moved;
    queued_bytes_ -= moved;
    if (next.sent == next.bytes.size()) queue_.pop_front();
    if (what_.slice_gap.count() > 0) next_slice_ = now + what_.slice_gap;
    if (what_.bytes_per_second > 0)
      next_slice_ = std::max(next_slice_, now) + std::chrono::microseconds(moved * 1'000'000 / what_.bytes_per_second);
  }
  if (swallows_ || !queue_.empty() || !end_due_ || *end_due_ > now) return;
  if (source_reset_ && !hides_resets_) {
    state_ = state::reset;
  } else {
    ::shutdown(sink, SHUT_WR);
    state_ = state::ended;
  }
}

}  // namespace sluice::support
