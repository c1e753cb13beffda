#include "relay/relay.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sys/socket.hpp"

namespace sluice::relay {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;

close_reason reason_for(loop::side dead, int error) noexcept {
  const bool client = dead == loop::side::client;
  switch (error) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
    case ENOTCONN: return client ? close_reason::client_reset : close_reason::backend_reset;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET: return client ? close_reason::client_unreachable : close_reason::backend_unreachable;
    default: return close_reason::relay_error;
  }
}

}  // namespace

void relay::begin(const relay_settings& settings, loop::time_ns now) noexcept {
  settings_ = &settings;
  for (stream* one : {&client_, &backend_})
    if (!one->tcp) sys::set_option(one->fd.get(), SOL_SOCKET, SO_OOBINLINE, 1);
  last_move_ = now;
  due_changed_ = true;
}

void relay::on_edges(relay_context& context, loop::side which, std::uint32_t edges) noexcept {
  stream& socket = of(which);
  if ((edges & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.readable = true;
  if ((edges & EPOLLOUT) != 0) socket.writable = true;
  if ((edges & EPOLLPRI) != 0) {
    socket.urgent = true;
    socket.readable = true;
  }
  if ((edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.hung = true;
  if ((edges & EPOLLERR) != 0 && !socket.broken) {
    socket.broken = true;
    broken_at_ = context.now;
    due_changed_ = true;
  }
  // An edge in vain: nobody can read this source until its sink takes more, so it is not asked about any more.
  if (context.edges != nullptr && (edges & (EPOLLIN | EPOLLPRI)) != 0 && waits_for_sink(socket) && !socket.silenced)
    socket.silenced = context.edges->silence(socket.fd.get(), token_of(socket)) == 0;
}

std::uint32_t relay::waits_for(loop::side which) const noexcept {
  if (phase_ != phase::moving && phase_ != phase::draining) return 0;
  const stream& one = which == loop::side::client ? client_ : backend_;
  const stream& other = which == loop::side::client ? backend_ : client_;
  const bool for_bytes = !from(one).done && !one.readable && other.writable;
  return (for_bytes ? EPOLLIN | EPOLLRDHUP | EPOLLPRI : 0U) | (waits_for_sink(other) ? EPOLLOUT : 0U);
}

relay_status relay::run(relay_context& context) noexcept {
  context.pumps.moved = context.pumps.trusted = false;
  bool more = false;
  if (phase_ == phase::moving || phase_ == phase::draining) {
    more = step(context, client_);
    more = step(context, backend_) || more;
    // A socket that the second step found dead may still have bytes for the other one, which the first step had left.
    if (phase_ == phase::draining) more = step(context, client_) || more;
  }
  if (phase_ == phase::moving && client_to_backend_.done && backend_to_client_.done) {
    // The pump left the last FIN to the close.
    if (settings_->keep_open)
      for (const stream* one : {&client_, &backend_}) context.pumps.io.shutdown_write(one->fd.get());
    close_both(context, false);
  }
  if (phase_ == phase::closed) return relay_status::closed;
  if (context.pumps.moved) {
    last_move_ = context.now;
    if (looked_) {
      looked_ = false;
      due_changed_ = true;
    }
  }
  if (context.pumps.trusted) {
    trusted_at_ = context.now;
    if (!std::exchange(trusting_, true)) due_changed_ = true;
  }
  if (!backend_limited_ && client_to_backend_.moves.is_bulk()) limit_backend_buffer();
  if (client_.silenced || backend_.silenced) restore_silenced(context);
  return more ? relay_status::again : relay_status::waiting;
}

/// One step of the direction that starts at `source`; true if it wants another turn.
bool relay::step(relay_context& context, stream& source) noexcept {
  direction& way = from(source);
  if (way.done || phase_ == phase::lingering || phase_ == phase::closed) return false;
  // A socket whose own stream has ended can still be reset: only its error says so, for nobody reads it any more.
  stream& sink = other(source);
  if (sink.broken && from(sink).done && sink.error == 0) {
    sink.error = context.pumps.io.take_error(sink.fd.get());
    if (sink.error != 0) {
      way.moves.abandon(context.pumps);
      failed(context, source);
      return false;
    }
  }
  if (way.moves.is_blocked()) return false;
  switch (way.moves.step(context.pumps, context.allowed)) {
    case step_result::wants_source:
    case step_result::wants_sink:
    case step_result::wants_time: return false;
    case step_result::again: return true;
    case step_result::finished:
      way.done = true;
      last_move_ = context.now;  // the half-close time begins now, however long nothing moved before
      due_changed_ = true;
      if (!ended_) {
        ended_ = true;
        reason_ = side_of(source) == loop::side::client ? close_reason::client_fin : close_reason::backend_fin;
      }
      return false;
    case step_result::failed: failed(context, source); return false;
  }
  return false;
}

/// The direction from `source` can't go on: one of its two sockets is dead. What the dead one had sent is delivered,
/// then the survivor is reset; nothing more is sent to the dead one.
void relay::failed(relay_context& context, stream& source) noexcept {
  stream& sink = other(source);
  direction& way = from(source);
  direction& back = from(sink);
  way.done = true;
  due_changed_ = true;
  if (source.error != 0 && sink.error != 0) {
    name_the_end(phase_ == phase::draining
                     ? of(survivor_ == loop::side::client ? loop::side::backend : loop::side::client)
                     : source);
    close_both(context, true);
    return;
  }
  if (source.error != 0) {
    name_the_end(source);
    back.moves.abandon(context.pumps);
    back.done = true;
    linger(context, sink);
    return;
  }
  name_the_end(sink);
  if (back.done) {
    linger(context, source);
    return;
  }
  phase_ = phase::draining;
  survivor_ = side_of(source);
  if (broken_at_ == 0) broken_at_ = context.now;
  sink.broken = true;
  sink.hung = true;
  sink.readable = true;
}

void relay::name_the_end(const stream& dead) noexcept {
  if (phase_ == phase::draining) return;  // named when the first socket was found dead
  ended_ = true;
  error_ = dead.error;
  reason_ = reason_for(side_of(dead), dead.error);
}

/// linger 0 throws away what is unsent, so the survivor is reset only when its peer has acknowledged everything.
void relay::linger(relay_context& context, stream& survivor) noexcept {
  survivor_ = side_of(survivor);
  if (!survivor.tcp) {
    close_both(context, true);
    return;
  }
  phase_ = phase::lingering;
  linger_look_ = context.now;
  linger_until_ = context.now + settings_->reset_linger;
  look_at_linger(context);
}

void relay::look_at_linger(relay_context& context) noexcept {
  const bool acknowledged = sys::unacknowledged_bytes(of(survivor_).fd.get()) <= 0;
  if (acknowledged || context.now >= linger_until_ || of(survivor_).broken) {
    close_both(context, true);
    return;
  }
  // 1, 2, 4 ... ms after it began.
  const loop::time_ns begun = linger_until_ - settings_->reset_linger;
  linger_look_ = std::min(linger_until_, context.now + std::max(millisecond, context.now - begun));
  due_changed_ = true;
}

void relay::close_both(relay_context& context, bool reset) noexcept {
  for (stream* one : {&client_, &backend_}) {
    from(*one).moves.abandon(context.pumps);
    if (reset && one->tcp) sys::reset_on_close(one->fd.get());
    if (reset && !one->tcp && one->error == 0) reset_shown_as_eof_ = true;
    if (settings_->keep_open) {
      one->fd.release();
    } else {
      one->fd.reset();
    }
  }
  phase_ = phase::closed;
}

/// Accepted sockets inherit theirs from the listener. On this side it is set when there is bulk to limit: short
/// sessions are spared the call.
void relay::limit_backend_buffer() noexcept {
  backend_limited_ = true;
  if (settings_->backend_buffer_limit != 0 && backend_.tcp)
    sys::set_option(backend_.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT,
                    static_cast<int>(settings_->backend_buffer_limit));
}

void relay::restore_silenced(relay_context& context) noexcept {
  if (phase_ != phase::moving && phase_ != phase::draining) return;
  for (stream* one : {&client_, &backend_}) {
    if (!one->silenced || waits_for_sink(*one)) continue;
    one->silenced = context.edges->restore(one->fd.get(), token_of(*one)) != 0;
  }
}

void relay::cut(relay_context& context, close_reason why) noexcept {
  reason_ = why;
  ended_ = true;
  close_both(context, true);
}

}  // namespace sluice::relay
