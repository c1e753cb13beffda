#include "relay/pump.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace sluice::relay {
namespace {

using kind = sys::io_result::kind;

/// What a direction that was not promoted asks of one fill. Most messages are smaller, and a pipe of any size holds it.
constexpr std::size_t unpromoted_fill = 64 * 1024;

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
  const sys::io_result moved = context.io.splice_out(pipe_->read.get(), sink_.fd.get(), pipe_->bytes);
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

/// The sink refuses splice while bytes are in the pipe. They are looked at through a second pipe (tee), sent, and only
/// what was sent is taken out of the first, so a partial send loses nothing and keeps the order.
pump::next pump::drain_by_copy(pump_context& context) noexcept {
  const sys::pipe_pair aside = sys::make_pipe(0);
  if (!aside) return sink_failed(context, aside.error);
  const std::size_t most = std::min(pipe_->bytes, context.scratch.size());
  const sys::io_result seen = context.io.tee(pipe_->read.get(), aside.write.get(), most);
  if (seen.what != kind::moved) return sink_failed(context, seen.error);
  const sys::io_result got = context.io.read_pipe(aside.read.get(), context.scratch.first(std::min(seen.bytes, most)));
  if (got.what != kind::moved) return sink_failed(context, got.error);
  const sys::io_result sent = context.io.send(sink_.fd.get(), context.scratch.first(got.bytes));
  if (sent.what == kind::would_block) {
    sink_.writable = false;
    return next::wait_sink;
  }
  if (sent.what != kind::moved) return sink_failed(context, sent.error);
  std::size_t to_take = sent.bytes;
  while (to_take > 0) {
    const sys::io_result taken = context.io.read_pipe(pipe_->read.get(), context.scratch.first(to_take));
    if (taken.what != kind::moved) return sink_failed(context, EIO);
    to_take -= taken.bytes;
  }
  pipe_->bytes -= sent.bytes;
  count_out(context, sent.bytes);
  if (!rest_of_copy_) count_copied(context, sent.bytes);
  if (pipe_->bytes == 0) give_back(context);
  return next::go_on;
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
  const sys::io_result moved = context.io.splice_in(source_.fd.get(), pipe_->write.get(), room);
  switch (moved.what) {
    case kind::moved: {
      pipe_->bytes = moved.bytes;
      rest_of_copy_ = false;
      context.counts.fills.add();
      context.counts.bytes_spliced.add(moved.bytes);
      count_in(context, moved.bytes, left);
      if (moved.bytes >= room) promoted_ = true;
      note_short_read(moved.bytes, std::min<std::size_t>(room, pipe_->slots));
      if (observer_ != nullptr) observer_->after_fill(*pipe_, moved.bytes);
      return next::go_on;
    }
    case kind::eof:
      give_back(context);
      return may_hide_urgent_data() ? step_over_urgent(context, left) : source_eof(context);
    case kind::would_block:
      give_back(context);
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

/// recv, send; what the sink does not take goes into a pipe and is drained like any other fill. The pipe is borrowed
/// first, so that bytes leave the source only when there is a place for them.
pump::next pump::copy(pump_context& context, std::size_t most, std::size_t& left) noexcept {
  pipe_ = context.pool.borrow();
  if (pipe_ == nullptr) return copy_without_pipe(context, most, left);
  const std::size_t room = std::min({most, pipe_->fill_bytes, context.scratch.size()});
  const sys::io_result got = context.io.receive(source_.fd.get(), context.scratch.first(room));
  if (got.what == kind::eof) return source_eof(context);
  if (got.what != kind::moved) {
    give_back(context);
    return got.what == kind::would_block ? source_empty() : source_failed(got.error);
  }
  count_in(context, got.bytes, left);
  count_copied(context, got.bytes);
  note_short_read(got.bytes, room);
  const sys::io_result sent = context.io.send(sink_.fd.get(), context.scratch.first(got.bytes));
  if (sent.what == kind::failed) return sink_failed(context, sent.error);
  if (sent.what == kind::would_block) sink_.writable = false;
  count_out(context, sent.bytes);
  const std::size_t rest = got.bytes - sent.bytes;
  if (rest > 0) {
    // An empty pipe takes whole pages from write(2), and room was no more than its slots hold.
    const sys::io_result kept = context.io.write_pipe(pipe_->write.get(), context.scratch.subspan(sent.bytes, rest));
    pipe_->bytes = kept.bytes;
    rest_of_copy_ = true;
    if (kept.bytes != rest) return sink_failed(context, kept.error != 0 ? kept.error : EIO);
    return next::go_on;
  }
  give_back(context);
  return next::go_on;
}

/// No pipe to be had: look, send, then take exactly what was sent, so that what the sink refuses stays in the source
/// (I7).
pump::next pump::copy_without_pipe(pump_context& context, std::size_t most, std::size_t& left) noexcept {
  const std::size_t room = std::min(most, context.scratch.size());
  const sys::io_result seen = context.io.peek(source_.fd.get(), context.scratch.first(room));
  if (seen.what == kind::eof) return source_eof(context);
  if (seen.what != kind::moved) return seen.what == kind::would_block ? source_empty() : source_failed(seen.error);
  const sys::io_result sent = context.io.send(sink_.fd.get(), context.scratch.first(seen.bytes));
  if (sent.what == kind::would_block) {
    sink_.writable = false;
    return next::wait_sink;
  }
  if (sent.what != kind::moved) return sink_failed(context, sent.error);
  count_out(context, sent.bytes);
  count_in(context, sent.bytes, left);
  count_copied(context, sent.bytes);
  std::size_t to_take = sent.bytes;
  while (to_take > 0) {
    const sys::io_result taken = context.io.receive(source_.fd.get(), context.scratch.first(to_take));
    if (taken.what != kind::moved) return source_failed(taken.error != 0 ? taken.error : EIO);
    to_take -= taken.bytes;
  }
  return next::go_on;
}

/// At an urgent mark splice says 0 as soon as the peer has finished, whatever stands behind the mark. So a 0 is
/// believed only if nothing says that there is a mark, and it would have been said: an end of file is harvested
/// together with the mark before it, unless the source was silenced.
bool pump::may_hide_urgent_data() const noexcept { return source_.urgent || source_.silenced || !source_.hung; }

/// splice never passes an urgent byte while poll goes on saying readable; one recv gets past it (SO_OOBINLINE keeps the
/// byte in the stream). The mark stays set until recv says that there is nothing, so that a second mark is not lost.
pump::next pump::step_over_urgent(pump_context& context, std::size_t& left) noexcept {
  const std::uint64_t before = bytes_in_;
  const next after = copy(context, 1, left);
  if (bytes_in_ != before) {
    context.counts.count_fallback(fallback_reason::urgent_data);
  } else if (after == next::wait_source) {
    source_.urgent = false;
  }
  return after;
}

void pump::copy_from_now(pump_context& context, fallback_reason reason) noexcept {
  if (!copying_) context.counts.count_fallback(reason);
  copying_ = true;
}

void pump::abandon(pump_context& context) noexcept {
  if (pipe_ != nullptr) give_back(context);
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
