// What a relay does when time has passed rather than because the kernel told something.
#include <algorithm>
#include <cerrno>

#include "relay/relay.hpp"
#include "sys/socket.hpp"

namespace sluice::relay {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns look_after = 1'000 * millisecond;
constexpr loop::time_ns trust_for = 2 * millisecond;
constexpr loop::time_ns rest = 20 * millisecond;            // so long nothing moves at a quiet moment
constexpr loop::time_ns longest_end = 1'000 * millisecond;  // so long one is waited for

loop::time_ns after(loop::time_ns start, loop::time_ns limit) noexcept {
  return limit == 0 ? loop::never : start + limit;
}

}  // namespace

/// Asks what trusted fills may have left behind. Bytes that are found may have come a moment ago and have their edge
/// yet to be harvested: the next harvest tells.
void relay::ask_behind() noexcept {
  trusting_ = false;
  for (stream* source : {&client_, &backend_}) {
    direction& way = from(*source);
    if (way.done || !way.moves.trusts_last_fill()) continue;
    if (source->readable || sys::unread_bytes(source->fd.get()) <= 0) {
      way.moves.trust_was(true);
    } else {
      asked_behind_ = doubt_ = true;
    }
  }
}

/// After that harvest: whether bytes were left behind.
bool relay::find_left_behind() noexcept {
  asked_behind_ = false;
  bool found = false;
  for (stream* source : {&client_, &backend_}) {
    direction& way = from(*source);
    if (way.done || !way.moves.trusts_last_fill() || source->readable) continue;
    if (sys::unread_bytes(source->fd.get()) <= 0) continue;
    way.moves.trust_was(false);
    source->readable = found = true;
  }
  return found;
}

relay_status relay::on_deadline(relay_context& context) noexcept {
  if (trusting_ && context.now >= trusted_at_ + trust_for) ask_behind();
  if (phase_ == phase::lingering) {
    if (context.now >= linger_look_) look_at_linger(context);
  } else if (context.now >= stall_due()) {
    // The survivor takes nothing of what the dead end had sent: it is reset now, and what is in the pipe is lost.
    if (phase_ != phase::draining) {
      stream& dead = client_.broken ? client_ : backend_;
      dead.error = context.pumps.io.take_error(dead.fd.get());
      if (dead.error == 0) dead.error = ECONNRESET;
      name_the_end(dead);
    }
    close_both(context, true);
  } else if (context.now >= after(last_move_, quiet_limit())) {
    expire(context);
  } else if (phase_ == phase::moving && context.now >= end_look_) {
    end_gently(context);
  } else if (!looked_ && context.now >= last_move_ + look_after) {
    looked_ = true;
    doubt_ = kernel_knows_more(client_) || kernel_knows_more(backend_);
  }
  due_changed_ = false;
  return phase_ == phase::closed ? relay_status::closed : relay_status::waiting;
}

/// Nobody moved a byte for too long. Bytes that are still here make it a reset: an end of file would be a lie.
void relay::expire(relay_context& context) noexcept {
  reason_ = half_closed() ? close_reason::half_close_timeout : close_reason::idle_timeout;
  ended_ = true;
  const bool bytes_left = client_to_backend_.moves.holds_pipe() || backend_to_client_.moves.holds_pipe() ||
                          sys::unread_bytes(client_.fd.get()) > 0 || sys::unread_bytes(backend_.fd.get()) > 0;
  close_both(context, bytes_left);
}

void relay::end_at(loop::time_ns when, close_reason why) noexcept {
  if (when >= end_at_) return;
  end_at_ = end_look_ = when;
  end_reason_ = why;
  due_changed_ = true;
}

/// An end of file in the midst of an answer would be a lie, a reset between two of them a nuisance.
void relay::end_gently(relay_context& context) noexcept {
  const bool quiet = is_quiet(context.now);
  if (!quiet && context.now < end_at_ + longest_end) {
    const loop::time_ns next = context.now < last_move_ + rest ? last_move_ + rest : context.now + rest / 2;
    end_look_ = std::min(end_at_ + longest_end, next);
    return;
  }
  reason_ = end_reason_;
  ended_ = true;
  close_both(context, !quiet);
}

/// Whether nothing is on its way and the backend had the last word: nobody waits for an answer.
bool relay::is_quiet(loop::time_ns now) const noexcept {
  if (phase_ != phase::moving || client_to_backend_.done || backend_to_client_.done || now < last_move_ + rest)
    return false;
  if (client_to_backend_.moves.bytes_in() != 0 && backend_to_client_.moves.bytes_in() == 0) return false;
  for (const stream* one : {&client_, &backend_}) {
    const direction& way = from(*one);
    if (one->broken || way.moves.holds_pipe() || sys::unread_bytes(one->fd.get()) > 0) return false;
    if (sys::unacknowledged_bytes(one->fd.get()) > 0) return false;
  }
  if (!client_.tcp || !backend_.tcp) return true;
  // The kernel counts in ticks: in doubt the later one is taken for the answer.
  return sys::last_received_ms(backend_.fd.get()) <= sys::last_received_ms(client_.fd.get());
}

loop::time_ns relay::due() const noexcept {
  if (phase_ == phase::lingering) return linger_look_;
  const loop::time_ns look = looked_ ? loop::never : last_move_ + look_after;
  const loop::time_ns behind = trusting_ ? trusted_at_ + trust_for : loop::never;
  const loop::time_ns end = phase_ == phase::moving ? end_look_ : loop::never;
  return std::min({look, behind, stall_due(), after(last_move_, quiet_limit()), end});
}

loop::time_ns relay::quiet_limit() const noexcept { return half_closed() ? settings_->half_close : settings_->idle; }

/// When to stop waiting for a survivor that takes nothing, while the other end is known to be dead.
loop::time_ns relay::stall_due() const noexcept {
  const bool stalled = phase_ == phase::draining || (client_.broken && waits_for_sink(client_)) ||
                       (backend_.broken && waits_for_sink(backend_));
  return stalled ? std::max(last_move_, broken_at_) + settings_->reset_linger : loop::never;
}

/// Bytes that no flag knows of, or room that no flag knows of.
bool relay::kernel_knows_more(const stream& source) const noexcept {
  const direction& way = &source == &client_ ? client_to_backend_ : backend_to_client_;
  const stream& sink = &source == &client_ ? backend_ : client_;
  if (way.done) return false;
  if (!sink.writable) return sys::unacknowledged_bytes(sink.fd.get()) == 0;
  return !source.readable && sys::unread_bytes(source.fd.get()) > 0;
}

relay_status relay::look_again(relay_context& context) noexcept {
  // Bytes that moved since the doubt settled it: what has come after them has an edge that the next harvest tells of.
  if (phase_ != phase::moving) return relay_status::waiting;
  if (asked_behind_ && find_left_behind()) return run(context);
  if (!looked_) return relay_status::waiting;
  bool lost = false;
  for (stream* source : {&client_, &backend_}) {
    if (!kernel_knows_more(*source)) continue;
    lost = true;
    (waits_for_sink(*source) ? other(*source).writable : source->readable) = true;
  }
  if (!lost) return relay_status::waiting;
  context.pumps.counts.lost_edges.add();
  return run(context);
}

}  // namespace sluice::relay
