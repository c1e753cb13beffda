// How a session finds a backend: which one next, when to wait, when to give up.
#include "server/search.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "server/endpoint.hpp"
#include "server/reply.hpp"
#include "server/session.hpp"
#include "server/worker.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
/// How often the first of the queue looks without being called: for backends that come back without a word, for names
/// that got an address, and as a net under a call for which there was no memory.
constexpr loop::time_ns look_interval = 250 * millisecond;
constexpr loop::time_ns longest_backoff = 1'000 * millisecond;

/// The one place that says whether a backend is well.
balance::condition health_of(const backend& one, loop::time_ns now) noexcept {
  if (!one.state.is_up()) return balance::condition::down;
  return one.state.is_well(now) ? balance::condition::well : balance::condition::doubtful;
}

class present final : public balance::facts {
 public:
  present(const service_view& view, const std::vector<const backend*>& tried, loop::time_ns now) noexcept
      : view_(view), tried_(tried), now_(now) {}

  balance::standing of(std::size_t at) const noexcept override {
    const member& one = view_.members[at];
    const bool was_tried = std::find(tried_.begin(), tried_.end(), one.object.get()) != tried_.end();
    return {health_of(*one.object, now_), !one.addresses.empty() && !was_tried,
            one.max_connections != 0 && one.object->state.active() >= one.max_connections};
  }
  std::uint32_t active(std::size_t at) const noexcept override { return view_.members[at].object->state.active(); }
  double latency_ns(std::size_t at) const noexcept override {
    return view_.members[at].object->state.latency.at(now_, view_.object->latency_decay);
  }
  std::int64_t recovered_at(std::size_t at) const noexcept override {
    return view_.members[at].object->state.recovered_at();
  }
  std::int64_t rests_until(std::size_t at) const noexcept override {
    return view_.members[at].object->state.rests_until();
  }

 private:
  const service_view& view_;
  const std::vector<const backend*>& tried_;
  loop::time_ns now_;
};

}  // namespace

void session_waiter::call() noexcept { home_.call(token_); }

/// The next backend, with a place taken in it; nullptr: there is none now, and all_full_ says whether for want of room.
const member* session::choose(search& of) {
  all_full_ = false;
  if (of.exhausted) return nullptr;
  const service_view& view = home_.service_at(entrance_);
  const bool waits = service_->settings.when_down == down_action::wait;
  const bool behind_others = of.place.is_in() ? !of.place.is_first() : service_->queue.depth() != 0;
  // Newcomers do not overtake those who wait.
  if (behind_others && !of.place.is_in()) {
    all_full_ = true;
    return nullptr;
  }
  while (true) {
    const std::uint64_t random = home_.choosers().random();
    const balance::pick_request request{home_.now(), random, hash_key_of(client_, service_->settings.hash, random)};
    const balance::choice found =
        home_.choosers()
            .of(home_.entrance_at(entrance_).service)
            .choose(request, present(view, of.tried, home_.now()), service_->health_epoch(), !waits || !behind_others);
    all_full_ = found.what == balance::choice::kind::all_full;
    if (found.what != balance::choice::kind::backend) return nullptr;
    const member& chosen = view.members[found.backend];
    if (of.attempts != 0 && !may_retry(of)) return nullptr;
    // Another worker may have taken the last place since it was looked at.
    if (!chosen.object->state.session_begins(chosen.max_connections)) continue;
    backend_ = chosen.object.get();
    has_place_ = true;
    // One that is tried in doubt keeps its place in the queue: it may well be back there soon. And whoever rested has
    // only had its time: until a connect succeeds the others stay where they are.
    if (!found.doubtful && chosen.object->state.last_connect_succeeded()) of.place.leave();
    return &chosen;
  }
}

/// Whether to go on after an attempt that failed: nothing of the client was read yet, so that any backend will do.
bool session::may_go_on(search& of) {
  if (error_ == ECANCELED || home_.now() >= of.give_up_at) return false;
  of.tried.push_back(backend_);
  of.exhausted = ++of.attempts >= service_->settings.retries.attempts;
  of.granted = false;
  return true;
}

/// Whether the budget allows the attempt after one that failed. Asked once for each.
bool session::may_retry(search& of) {
  if (of.granted) return true;
  of.granted = service_->retries.take(home_.now(), home_.choosers().take_count(home_.entrance_at(entrance_).service));
  of.exhausted = !of.granted;
  (of.granted ? home_.counts().retries : home_.counts().retries_refused).add();
  return of.granted;
}

/// There is nobody to choose. True: look again.
loop::task<bool> session::wait_for_backend(search& of) {
  const service_config& settings = service_->settings;
  if (all_full_ || settings.when_down == down_action::wait) {
    const bool called = co_await wait_in_queue(of);
    co_return called;
  }
  if (of.exhausted || of.tried.empty() || settings.retries.backoff.count() == 0) co_return false;
  // Every backend was tried: a pause, and another round.
  of.backoff = of.backoff == 0 ? loop::nanoseconds(settings.retries.backoff)
                               : std::max(of.backoff, std::min(2 * of.backoff, longest_backoff));
  const loop::time_ns until = home_.now() + of.backoff;
  if (until >= of.give_up_at) co_return false;
  while (home_.now() < until) {
    const loop::woken woke = co_await wait_.until(until);
    if (woke.reason == loop::wake::cancelled) {
      error_ = ECANCELED;
      co_return false;
    }
  }
  of.tried.clear();
  co_return true;
}

/// Waits until it is this session's turn to look.
loop::task<bool> session::wait_in_queue(search& of) {
  const bool newcomer = !of.place.is_in();
  if (newcomer && (client_left() || !of.place.enter())) {
    refusal_ = client_left() ? close_reason::client_fin : close_reason::queue_full;
    co_return false;
  }
  const loop::time_ns begun = home_.now();
  if (!of.entered) {
    of.entered = begun;
    home_.counts().queued.add();
  }
  const loop::time_ns until = *of.entered + loop::nanoseconds(service_->settings.timeouts.queue);
  // What came free before it stood in line was told to nobody; what came while it was connecting, to it.
  const bool called_before = of.place.take_call();
  bool looks = called_before || (newcomer && of.place.is_first() && (all_full_ || of.tried.empty()));
  waits_for_client_ = true;
  while (!looks) {
    const bool first = of.place.is_first();
    const loop::woken woke = co_await wait_.until(first ? std::min(begun + look_interval, until) : until);
    if (woke.reason == loop::wake::cancelled) error_ = ECANCELED;
    if (error_ == ECANCELED) break;
    if (client_left()) refusal_ = close_reason::client_fin;
    if (home_.now() >= until) refusal_ = close_reason::queue_timeout;
    if (refusal_) break;
    looks = woke.reason == loop::wake::called || (first && home_.now() >= begun + look_interval);
  }
  waits_for_client_ = false;
  queue_ns_ = home_.now() - *of.entered;
  if (!looks) co_return false;
  of.place.take_call();
  of.give_up_at += home_.now() - begun;
  of.tried.clear();
  of.attempts = 0;
  of.exhausted = false;
  co_return true;
}

void session::note_queue_left(const search& of) noexcept {
  if (!of.entered) return;
  home_.counts().queue_wait_ns.add(static_cast<std::uint64_t>(queue_ns_));
}

/// There is something to send, and somebody to send it to.
bool session::wants_reply() const noexcept {
  const bool here = !relay_.of(loop::side::client).broken && error_ != ECANCELED;
  return here && service_->reply.fd && refusal_ != close_reason::client_fin;
}

loop::task<bool> session::reply() {
  waits_for_client_ = true;
  const replied sent = co_await send_reply({wait_, relay_.of(loop::side::client), home_.relaying()}, service_->reply);
  waits_for_client_ = false;
  replied_bytes_ = sent.bytes;
  refusal_ = sent.error == ECONNRESET || sent.error == EPIPE ? close_reason::client_reset : close_reason::replied;
  error_ = sent.error;
  co_return sent.error == 0;
}

/// It has said all it will, and that was nothing: nobody is there to be served.
bool session::client_left() const noexcept {
  const relay::stream& client = relay_.of(loop::side::client);
  return client.hung && sys::unread_bytes(client.fd.get()) == 0;
}

/// Gives back the place that choose() took. Those who wait are not called for that of an attempt that failed: nobody
/// would be better off there now, and who tries in doubt would call itself.
void session::let_go() noexcept {
  has_place_ = false;
  backend_->state.session_ends();
}

}  // namespace sluice::server
