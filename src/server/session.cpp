#include "server/session.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>

#include "server/endpoint.hpp"
#include "server/worker.hpp"
#include "sys/clock.hpp"

namespace sluice::server {
namespace {

loop::time_ns nanoseconds(std::chrono::milliseconds limit) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(limit).count();
}

constexpr loop::time_ns second = 1'000'000'000;

/// Backends with an address that this session has not tried; with `rested`, only those that are not resting.
class candidates final : public balance::eligibility {
 public:
  candidates(const service_view& view, const std::vector<std::size_t>& tried, loop::time_ns now, bool rested) noexcept
      : view_(view), tried_(tried), now_(now), rested_(rested) {}

  bool operator()(std::size_t one) const noexcept override {
    if (view_.addresses[one].empty() || std::find(tried_.begin(), tried_.end(), one) != tried_.end()) return false;
    return !rested_ || !view_.object->backends[one]->state.resting(now_);
  }

 private:
  const service_view& view_;
  const std::vector<std::size_t>& tried_;
  loop::time_ns now_;
  bool rested_;
};

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
  const loop::time_ns give_up_at = accepted_at_ + nanoseconds(service_->settings.timeouts.connect_total);
  std::vector<std::size_t> tried;  // allocates only once an attempt has failed
  try {
    for (;;) {
      const std::size_t chosen = choose(tried);
      if (chosen == balance::no_backend) break;
      const bool reached = co_await reach(chosen, give_up_at);
      if (reached) {
        phase_ = phase::connected;
        co_return;
      }
      if (error_ == ECANCELED || home_.now() >= give_up_at) break;
      tried.push_back(chosen);
    }
  } catch (const std::bad_alloc&) {
    error_ = ENOMEM;
  }
  phase_ = phase::failed;
}

/// Tries every address of one backend until one answers.
loop::task<bool> session::reach(std::size_t chosen, loop::time_ns give_up_at) {
  const std::shared_ptr<const snapshot> kept = home_.routes();  // addresses may change while this waits
  const service_view& view = (*kept)[home_.entrance_at(entrance_).service];
  backend& wanted = *service_->backends[chosen];
  backend_ = &wanted;
  wanted.state.session_begins();
  for (sys::socket_address to : view.addresses[chosen]) {
    if (!to.is_unix()) to.set_port(target_port(wanted.target, home_.entrance_at(entrance_).port_offset));
    const loop::time_ns limit = home_.now() + nanoseconds(service_->settings.timeouts.connect);
    connect::attempt attempt{to, connect::may_meet_itself(to, home_.local_ports()), service_->backend_options.nodelay,
                             std::min(limit, give_up_at)};
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
      relay_.on_edges(home_.relaying(), loop::side::backend, result.edges);
      wanted.state.connect_succeeded();
      co_return true;
    }
    error_ = result.error;
    if (error_ == ECANCELED || home_.now() >= give_up_at) break;
  }
  note_failure(chosen, error_);
  wanted.state.session_ends();
  co_return false;
}

/// Round robin over the backends that are well; if none is, over those that rest.
std::size_t session::choose(const std::vector<std::size_t>& tried) {
  const service_view& view = home_.service_at(entrance_);
  const balance::pick_request request{home_.now(), 0, 0};
  balance::policy& policy = home_.policy_at(entrance_);
  const std::size_t well = policy.pick(request, candidates(view, tried, home_.now(), true));
  if (well != balance::no_backend) return well;
  return policy.pick(request, candidates(view, tried, home_.now(), false));
}

void session::note_failure(std::size_t chosen, int error) {
  if (error == ECANCELED) return;
  home_.counts().connect_failures.add();
  if (error == ETIMEDOUT) timed_out_ = true;
  if (connect::is_local_shortage(error)) return;
  only_shortages_ = false;
  service_->backends[chosen]->state.connect_failed(home_.now());
}

/// What comes after the set-up, once it is over.
void session::go_on() {
  if (phase_ == phase::connected) {
    start_relay();
    return;
  }
  if (phase_ != phase::failed) return;
  const bool client_left = relay_.of(loop::side::client).broken;
  if (client_left) {
    finish(close_reason::client_reset, ECONNRESET);
  } else if (error_ == ECANCELED) {
    finish(close_reason::drained, 0);
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
  }
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
    // Sessions that end within a second never need these four calls.
    backend_options_set_ = true;
    relay::stream& socket = relay_.of(loop::side::backend);
    if (socket.tcp) sys::apply_lasting_options(socket.fd.get(), service_->backend_options);
  }
  const relay::relay_status status = relay_.on_deadline(home_.relaying());
  if (relay_.take_doubt()) home_.doubt(*this);
  if (status != relay::relay_status::closed) home_.wheel().file(deadline_, relay_.due());
  act_on(status);
}

void session::look_again() {
  if (phase_ == phase::relaying) act_on(relay_.look_again(home_.relaying()));
}

void session::cut() {
  if (phase_ == phase::setting_up) {
    wait_.cancel();
    go_on();
  } else if (phase_ == phase::relaying) {
    relay_.cut(home_.relaying(), close_reason::drained);
    finish(close_reason::drained, 0);
  }
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
    if (client.tcp) sys::reset_on_close(client.fd.get());
    client.fd.reset();
  }
  if (connected_at_ != 0) backend_->state.session_ends();
  phase_ = phase::ended;
  deadline_.cancel();
  home_.session_ended(*this, record(reason, error));
}

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
  result.duration_ns = home_.now() - accepted_at_;
  result.bytes_received = relay_.client_to_backend().bytes_in();
  result.bytes_sent = relay_.backend_to_client().bytes_out();
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
