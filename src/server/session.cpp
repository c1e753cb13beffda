#include "server/session.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>

#include "server/endpoint.hpp"
#include "server/search.hpp"
#include "server/worker.hpp"
#include "sys/clock.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns second = 1'000'000'000;

}  // namespace

session::session(worker& home, loop::edge_token token, arrival&& from)
    : home_(home),
      token_(token),
      entrance_(from.entrance),
      of_process_(std::move(from.in.of_process)),
      of_service_(std::move(from.in.of_service)),
      wait_(home.wheel(), deadline_),
      relay_(token),
      service_(home.service_at(from.entrance).object.get()),
      id_(home.next_session_id()),
      accepted_at_(from.at),
      client_(to_endpoint(from.in.peer)) {
  relay::stream& client = relay_.of(loop::side::client);
  client.fd = std::move(from.in.client);
  client.tcp = from.in.peer.family() != AF_UNIX;
  if (home.wants_records()) {
    const entrance& door = home.entrance_at(entrance_);
    local_ = to_endpoint(door.is_wildcard ? sys::local_address(client.fd.get()) : door.address);
  }
}

void session::begin() {
  relay::stream& client = relay_.of(loop::side::client);
  if (const int error = home_.edges().add(client.fd.get(), token_)) {
    finish(close_reason::no_resources, error);
    return;
  }
  try {
    set_up();
  } catch (const std::bad_alloc&) {
    finish(close_reason::no_resources, ENOMEM);
    return;
  }
  go_on();
}

/// Everything that happens before bytes move, in order. The frame is gone before the relay starts.
loop::detached session::set_up() {
  try {
    search ongoing(*service_, home_, token_,
                   accepted_at_ + loop::nanoseconds(service_->settings.timeouts.connect_total));
    for (bool looking = true; looking;) {
      const std::shared_ptr<const snapshot> kept = home_.routes();  // members may change while this waits
      const member* const chosen = choose(ongoing);
      if (chosen == nullptr) {
        looking = co_await wait_for_backend(ongoing);
        continue;
      }
      const bool reached = co_await reach(*chosen, ongoing.give_up_at);
      if (reached) phase_ = phase::connected;
      looking = !reached && may_go_on(ongoing);
    }
    note_queue_left(ongoing);
    if (phase_ == phase::connected) co_return;
    if (wants_reply()) co_await reply();
  } catch (const std::bad_alloc&) {
    error_ = ENOMEM;
  }
  phase_ = phase::failed;
}

/// Tries every address of one backend until one answers.
loop::task<bool> session::reach(const member& chosen, loop::time_ns give_up_at) {
  backend& wanted = *chosen.object;
  if (take_spare(wanted)) co_return true;
  for (sys::socket_address to : chosen.addresses) {
    if (!to.is_unix()) to.set_port(target_port(wanted.target, home_.entrance_at(entrance_).port_offset));
    const loop::time_ns begun = home_.now();
    const loop::time_ns limit = begun + loop::nanoseconds(service_->settings.timeouts.connect);
    connect::attempt attempt{to, connect::may_meet_itself(to, home_.local_ports()),
                             home_.is_busy() && service_->clients_speak_first(), std::min(limit, give_up_at)};
    ++attempts_;
    backend_address_ = to_endpoint(to);
    const connect::connect_place place{
        wait_, home_.edges(), {token_.slot, token_.generation, loop::side::backend}, home_.now()};
    connect::connected result;
    try {
      result = co_await connect::connect(place, attempt);
    } catch (const std::bad_alloc&) {
      result.error = ENOMEM;
    }
    if (result.error == 0) {
      relay::stream& socket = relay_.of(loop::side::backend);
      socket.fd = std::move(result.fd);
      socket.tcp = !to.is_unix();
      socket.nagles = socket.tcp && service_->backend_options.nodelay;
      relay_.on_edges(home_.relaying(), loop::side::backend, result.edges);
      note_first_word(attempt.holds_ack);
      if (wanted.state.connect_succeeded(home_.now())) service_->backend_is_back();
      note_latency(home_.now() - begun);
      if (service_->settings.passive.is_on() && wanted.state.signs.connected(accepted_at_)) home_.tell_of_signs(wanted);
      co_return true;
    }
    error_ = result.error;
    if (error_ == ECANCELED || home_.now() >= give_up_at) break;
  }
  note_failure(wanted, error_);
  let_go();
  co_return false;
}

/// A connection that was made before there was a client for it.
bool session::take_spare(const backend& of) {
  spares::taken spare = home_.take_spare(of, {token_.slot, token_.generation, loop::side::backend});
  if (!spare.fd) return false;
  ++attempts_;
  backend_address_ = to_endpoint(spare.address);
  relay::stream& socket = relay_.of(loop::side::backend);
  socket.fd = std::move(spare.fd);
  socket.tcp = !spare.address.is_unix();
  socket.nagles = socket.tcp && service_->backend_options.nodelay;
  relay_.on_edges(home_.relaying(), loop::side::backend, EPOLLOUT);
  note_first_word(false);
  return true;
}

/// Called once connected. Bytes that the client has sent by now carry the ACK that the handshake owes, and those of the
/// next turn still may.
void session::note_first_word(bool ack_is_held) {
  if (relay_.of(loop::side::client).readable) {
    service_->note_first_word(true);
  } else if (ack_is_held) {
    home_.expect_first_word(*this);
  }
}

/// A service whose backends speak first is not made to wait a second time.
void session::end_wait_for_first_word() {
  if (phase_ != phase::relaying) return;
  const bool spoke = relay_.client_to_backend().bytes_out() != 0;
  if (!spoke) sys::acknowledge_now(relay_.of(loop::side::backend).fd.get());
  service_->note_first_word(spoke);
}

void session::note_failure(backend& of, int error) {
  if (error == ECANCELED) return;
  home_.counts().connect_failures.add();
  if (error == ETIMEDOUT) timed_out_ = true;
  if (connect::is_local_shortage(error)) return;
  only_shortages_ = false;
  if (of.state.connect_failed(home_.now())) service_->backend_is_gone();
  const passive_config& rules = service_->settings.passive;
  if (rules.is_on() && of.state.signs.connect_failed(rules)) home_.tell_of_signs(of);
}

/// How long the backend took to answer, where the policy goes by it.
void session::note_latency(loop::time_ns sample) {
  if (service_->latency_decay != 0) backend_->state.latency.observe(sample, home_.now(), service_->latency_decay);
}

/// A session that its backend ended without a byte, soon, is a bad sign; one that a client left is none at all.
void session::note_ending(close_reason reason) {
  const passive_config& rules = service_->settings.passive;
  if (!rules.is_on()) return;
  balance::session_signs& signs = backend_->state.signs;
  const bool by_backend = reason == close_reason::backend_fin || reason == close_reason::backend_reset;
  bool look = false;
  if (relay_.backend_to_client().bytes_in() != 0) {
    look = signs.answered(accepted_at_);
  } else if (by_backend && home_.now() - connected_at_ <= loop::nanoseconds(rules.window)) {
    look = signs.ended_empty(rules);
  }
  if (look) home_.tell_of_signs(*backend_);
}

/// What comes after the set-up, once it is over.
void session::go_on() {
  if (phase_ == phase::connected) {
    start_relay();
    return;
  }
  if (phase_ != phase::failed) return;
  if (relay_.of(loop::side::client).broken) {
    finish(close_reason::client_reset, ECONNRESET);
  } else if (error_ == ECANCELED) {
    finish(close_reason::drained, 0);
  } else if (refusal_) {
    finish(*refusal_, error_);
  } else if (error_ == 0) {
    finish(close_reason::no_backend, 0);
  } else if (only_shortages_) {
    finish(close_reason::no_resources, error_);
  } else {
    finish(timed_out_ && error_ == ETIMEDOUT ? close_reason::connect_timeout : close_reason::connect_failed, error_);
  }
}

void session::start_relay() {
  phase_ = phase::relaying;
  connected_at_ = home_.now();
  if (service_->settings.relay == relay_mode::copy) {
    relay_.client_to_backend().copy_from_now(home_.relaying().pumps, fallback_reason::configured);
    relay_.backend_to_client().copy_from_now(home_.relaying().pumps, fallback_reason::configured);
  }
  relay_.begin(service_->relaying, home_.now());
  if (service_->settings.timeouts.lifetime.count() != 0)
    relay_.end_at(accepted_at_ + service_->lifetime_for(id_ ^ static_cast<std::uint64_t>(accepted_at_)),
                  close_reason::lifetime);
  on_turn();
}

void session::on_edges(loop::side which, std::uint32_t edges) {
  if (phase_ == phase::ended) return;
  if (phase_ == phase::setting_up && which == loop::side::backend) {
    // Of an attempt: the relay is told only of the socket that it gets.
    wait_.resume({loop::wake::edge, edges});
    go_on();
    return;
  }
  relay_.on_edges(home_.relaying(), which, edges);
  if (phase_ == phase::relaying) {
    home_.queue(*this);
  } else if ((edges & EPOLLERR) != 0) {
    wait_.cancel();
    go_on();
  } else if (waits_for_client_) {
    wait_.resume({loop::wake::edge, edges});
    go_on();
  }
}

void session::on_call() {
  // A call may come when it no longer waits for one, but for a connection.
  if (phase_ != phase::setting_up || !waits_for_client_) return;
  wait_.resume({loop::wake::called, 0});
  go_on();
}

void session::on_turn() {
  if (phase_ == phase::relaying) act_on(relay_.run(home_.relaying()));
}

void session::on_deadline() {
  if (phase_ == phase::setting_up) {
    wait_.resume({loop::wake::deadline, 0});
    go_on();
    return;
  }
  if (phase_ != phase::relaying) return;
  if (!backend_options_set_ && home_.now() >= connected_at_ + second) {
    // Sessions that end within a second never need these calls.
    backend_options_set_ = true;
    relay::stream& socket = relay_.of(loop::side::backend);
    if (socket.tcp) sys::apply_lasting_options(socket.fd.get(), service_->backend_options);
    if (socket.tcp && service_->latency_decay != 0)
      if (const std::int64_t answers_in = sys::round_trip_ns(socket.fd.get())) note_latency(answers_in);
  }
  const relay::relay_status status = relay_.on_deadline(home_.relaying());
  if (relay_.take_doubt()) home_.doubt(*this);
  if (status != relay::relay_status::closed) home_.wheel().file(deadline_, relay_.due());
  act_on(status);
}

void session::look_again() {
  if (phase_ == phase::relaying) act_on(relay_.look_again(home_.relaying()));
}

void session::cut(close_reason why) {
  if (phase_ == phase::setting_up) {
    wait_.cancel();
    go_on();
  } else if (phase_ == phase::relaying) {
    relay_.cut(home_.relaying(), why);
    finish(why, 0);
  }
}

void session::end_gently(close_reason why) {
  if (phase_ != phase::relaying) return;
  ending_ = true;
  relay_.end_at(home_.now(), why);
  if (relay_.take_due_changed()) home_.wheel().file(deadline_, relay_.due());
}

void session::act_on(relay::relay_status status) {
  switch (status) {
    case relay::relay_status::again: home_.queue(*this); break;
    case relay::relay_status::waiting: break;
    case relay::relay_status::closed: finish(relay_.reason(), relay_.error()); return;
  }
  if (relay_.take_due_changed()) home_.wheel().file(deadline_, relay_.due());
}

void session::finish(close_reason reason, int error) {
  relay::stream& client = relay_.of(loop::side::client);
  if (client.fd) {
    // No relay ever ran: the client must not take this for a backend's end of file.
    const bool has_reply = reason == close_reason::replied && error == 0;
    if (client.tcp && !has_reply) sys::reset_on_close(client.fd.get());
    client.fd.reset();
  }
  if (connected_at_ != 0) note_ending(reason);
  if (has_place_) {
    let_go();
    if (service_->may_queue) service_->queue.call_next();
  }
  phase_ = phase::ended;
  deadline_.cancel();
  home_.session_ended(*this, record(reason, error));
}

}  // namespace sluice::server
