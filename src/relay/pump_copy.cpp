// How bytes move where splice will not do (invariant I7), and past an urgent mark (I8).
#include <algorithm>
#include <cerrno>

#include "relay/pump.hpp"

namespace sluice::relay {

using kind = sys::io_result::kind;

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
  if (sink_.nagles) end_nagle(context, got.bytes);
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
  if (sink_.nagles) end_nagle(context, got.bytes);
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
  if (sink_.nagles) end_nagle(context, seen.bytes);
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

}  // namespace sluice::relay
