#include "relay/pump.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace sluice::relay {
namespace {

using kind = sys::io_result::kind;

/// What a direction that was not promoted asks of one fill. Most messages are smaller, and a pipe of any size holds it.
constexpr std::size_t unpromoted_fill = 64 * 1024;

/// A fill of fewer bytes for each slot was hardly cut short by the slots: segments so small, and a pipe full of them.
constexpr std::size_t trusted_slot_bytes = 64;

/// Errors by which a kernel or a sandbox says "not by splice", as opposed to "this connection is broken".
std::optional<fallback_reason> splice_refused(int error) noexcept {
  switch (error) {
    case EINVAL: return fallback_reason::invalid;
    case ENOSYS:
    case EOPNOTSUPP: return fallback_reason::not_supported;
    case EPERM:
    case EACCES: return fallback_reason::not_permitted;
    case ENOMEM:
    case ENOBUFS: return fallback_reason::no_memory;
    default: return std::nullopt;
  }
}

}  // namespace

step_result pump::step(pump_context& context, const limits& allowed) noexcept {
  std::size_t left = allowed.turn_bytes;
  for (;;) {
    next doing;
    if (pipe_ != nullptr) {
      doing = drain(context);
    } else if (eof_) {
      if (!fin_sent_ && send_fin(context) != next::go_on) return step_result::failed;
      source_.finished = true;
      return step_result::finished;
    } else if (!sink_.writable) {
      return step_result::wants_sink;  // back-pressure stays in the source's receive window
    } else if (!source_.readable) {
      return step_result::wants_source;
    } else if (left == 0) {
      return step_result::again;
    } else if (allowed.fill_bytes == 0) {
      return step_result::wants_time;
    } else {
      doing = fill(context, allowed, left);
    }
    switch (doing) {
      case next::go_on: break;
      case next::wait_source: return step_result::wants_source;
      case next::wait_sink: return step_result::wants_sink;
      case next::fail: return step_result::failed;
    }
  }
}

/// Invariant on entry: the pipe holds exactly pipe_->bytes, more than 0. The exact count is asked for, because a longer
/// length corks the tail for 200 ms (I2).
pump::next pump::drain(pump_context& context) noexcept {
  if (!sink_.writable) return next::wait_sink;
  if (sink_.nagles) end_nagle(context, pipe_->bytes);
  const sys::io_result moved = eof_ ? context.io.splice_out_before_fin(pipe_->read.get(), sink_.fd.get(), pipe_->bytes)
                                    : context.io.splice_out(pipe_->read.get(), sink_.fd.get(), pipe_->bytes);
  switch (moved.what) {
    case kind::moved:
      pipe_->bytes -= moved.bytes;
      count_out(context, moved.bytes);
      context.counts.drains.add();
      if (pipe_->bytes == 0) give_back(context);
      return next::go_on;
    case kind::would_block: sink_.writable = false; return next::wait_sink;
    case kind::eof:
    case kind::failed: break;
  }
  if (const auto reason = splice_refused(moved.error)) {
    if (reason == fallback_reason::no_memory) {
      context.counts.count_fallback(*reason);
    } else {
      copy_from_now(context, *reason);
    }
    return drain_by_copy(context);
  }
  return sink_failed(context, moved.error);
}

/// Invariant on entry: no pipe is held, the sink is writable and the source may have bytes. The pipe is empty, so
/// EAGAIN can only mean that the source is (I3).
pump::next pump::fill(pump_context& context, const limits& allowed, std::size_t& left) noexcept {
  if (copying_) return copy(context, std::min(allowed.fill_bytes, context.scratch.size()), left);
  pipe_ = context.pool.borrow();
  if (pipe_ == nullptr) {
    context.counts.count_fallback(fallback_reason::no_pipe);
    return copy_without_pipe(context, std::min(allowed.fill_bytes, context.scratch.size()), left);
  }
  const std::size_t wish = promoted_ ? allowed.largest_pipe : unpromoted_fill;
  const std::size_t room = std::min({wish, pipe_->fill_bytes, allowed.fill_bytes});
  const bool is_look = std::exchange(looks_again_, false);
  const sys::io_result moved = context.io.splice_in(source_.fd.get(), pipe_->write.get(), room);
  switch (moved.what) {
    case kind::moved: {
      pipe_->bytes = moved.bytes;
      rest_of_copy_ = false;
      context.counts.fills.add();
      context.counts.bytes_spliced.add(moved.bytes);
      count_in(context, moved.bytes, left);
      if (moved.bytes >= room) promoted_ = true;
      if (is_look) vain_looks_ = 0;
      note_short_fill(context, moved.bytes, room);
      if (source_.hung && moved.bytes < room) look_for_eof(context);
      if (observer_ != nullptr) observer_->after_fill(*pipe_, moved.bytes);
      return next::go_on;
    }
    case kind::eof:
      give_back(context);
      return may_hide_urgent_data() ? step_over_urgent(context, left) : source_eof(context);
    case kind::would_block:
      give_back(context);
      if (is_look && vain_looks_ < looks_before_trust_) ++vain_looks_;
      return source_.urgent ? step_over_urgent(context, left) : source_empty();
    case kind::failed: break;
  }
  give_back(context);
  return splice_in_failed(context, moved.error, std::min(allowed.fill_bytes, context.scratch.size()), left);
}

pump::next pump::splice_in_failed(pump_context& context, int error, std::size_t most, std::size_t& left) noexcept {
  const auto reason = splice_refused(error);
  if (!reason) return source_failed(error);
  if (*reason != fallback_reason::no_memory) {
    copy_from_now(context, *reason);
    return next::go_on;
  }
  context.counts.count_fallback(*reason);
  return copy(context, most, left);
}

/// At an urgent mark splice says 0 as soon as the peer has finished, whatever stands behind the mark. So a 0 is
/// believed only if nothing says that there is a mark, and it would have been said: an end of file is harvested
/// together with the mark before it, unless the source was silenced.
bool pump::may_hide_urgent_data() const noexcept { return source_.urgent || source_.silenced || !source_.hung; }

void pump::abandon(pump_context& context) noexcept {
  if (pipe_ != nullptr) give_back(context);
}

/// Most likely the last bytes of a stream are in the pipe. Known before they are drained, the FIN rides on their
/// segment: one segment, one wake and one acknowledgement less. recv, unlike splice, is not misled by an urgent mark,
/// so its 0 is an end of file; bytes or EAGAIN are left to the next fill.
void pump::look_for_eof(pump_context& context) noexcept {
  if (source_.broken || source_.error != 0) return;
  const sys::io_result seen = context.io.peek(source_.fd.get(), context.scratch.first(1));
  eof_ = seen.what == kind::eof;
  if (seen.what == kind::failed) source_.error = seen.error;
}

pump::next pump::source_empty() noexcept {
  source_.readable = false;
  return next::wait_source;
}

/// A 0 from a socket that is known to be broken is the second telling of a reset, not an end of file (I5).
pump::next pump::source_eof(pump_context& context) noexcept {
  if (pipe_ != nullptr) give_back(context);
  if (source_.broken && source_.error == 0) {
    const int told = context.io.take_error(source_.fd.get());
    source_.error = told != 0 ? told : ECONNRESET;
  }
  if (source_.error != 0) return next::fail;
  eof_ = true;
  return next::go_on;
}

pump::next pump::source_failed(int error) noexcept {
  if (source_.error == 0) source_.error = error;
  return next::fail;
}

/// Invariant on exit: no pipe is held. One with bytes in it is closed: they have nowhere to go.
pump::next pump::sink_failed(pump_context& context, int error) noexcept {
  abandon(context);
  sink_.writable = false;
  if (sink_.error == 0) sink_.error = error != 0 ? error : EIO;
  return next::fail;
}

/// FIN is forwarded only when no byte of this direction is in flight (I4). Once the other direction is over as well,
/// the close that follows says it.
pump::next pump::send_fin(pump_context& context) noexcept {
  fin_sent_ = true;
  if (sink_.finished) return next::go_on;
  const int error = context.io.shutdown_write(sink_.fd.get());
  if (error == 0) return next::go_on;
  // ENOTCONN: the sink was reset before the FIN; SO_ERROR may still say how.
  const int told = context.io.take_error(sink_.fd.get());
  return sink_failed(context, told != 0 ? told : ECONNRESET);
}

/// A proven short fill (I3): fewer bytes than slots and than asked for, so neither the pipe nor the length stopped it,
/// and nothing says that an end of file or an urgent mark did. recv has no slots: room is what was asked for.
void pump::note_short_read(std::size_t got, std::size_t room) noexcept {
  if (source_.tcp && got < room && !source_.hung && !source_.urgent) source_.readable = false;
}

/// A fill with as many bytes as slots proves nothing, but a look behind it that is vain time after time is not worth
/// its call: such fills are trusted then, and what they may have left behind is looked for by a deadline. A larger one
/// begins the count anew, for in a stream of bulk deadlines cost more than looks.
void pump::note_short_fill(pump_context& context, std::size_t got, std::size_t asked) noexcept {
  trusted_ = false;
  const bool is_large = got >= asked || got >= pipe_->slots * trusted_slot_bytes;
  if (is_large) vain_looks_ = 0;
  if (is_large || got < pipe_->slots) {
    note_short_read(got, std::min<std::size_t>(asked, pipe_->slots));
  } else if (vain_looks_ < looks_before_trust_) {
    looks_again_ = true;
  } else {
    note_short_read(got, asked);
    trusted_ = !source_.readable;
    context.trusted = context.trusted || trusted_;
  }
}

void pump::trust_was(bool justified) noexcept {
  trusted_ = false;
  if (justified) return;
  vain_looks_ = 0;
  looks_before_trust_ = static_cast<std::uint8_t>(std::min(2 * looks_before_trust_, 255));
}

/// Nagle's algorithm holds back what is less than a segment while something is unacknowledged. So a first small message
/// goes out at once without TCP_NODELAY, and a session that is no more than that is spared the call.
void pump::end_nagle(pump_context& context, std::size_t bytes) noexcept {
  constexpr std::size_t smallest_segment = 536;  // RFC 9293, section 3.7.1
  if (bytes_out_ == 0 && bytes <= smallest_segment) return;
  context.io.set_nodelay(sink_.fd.get());
  sink_.nagles = false;
}

void pump::count_in(pump_context& context, std::size_t bytes, std::size_t& left) noexcept {
  bytes_in_ += bytes;
  left -= std::min(left, bytes);
  context.moved = true;
}

void pump::count_out(pump_context& context, std::size_t bytes) noexcept {
  bytes_out_ += bytes;
  context.moved = true;
}

void pump::count_copied(pump_context& context, std::size_t bytes) noexcept {
  bytes_copied_ += bytes;
  context.counts.bytes_copied.add(bytes);
}

void pump::give_back(pump_context& context) noexcept {
  context.pool.give_back(pipe_);
  pipe_ = nullptr;
}

}  // namespace sluice::relay
