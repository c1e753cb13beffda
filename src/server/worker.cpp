#include "server/worker.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "sys/clock.hpp"
#include "sys/socket.hpp"

namespace sluice::server {
namespace {

constexpr std::size_t scratch_bytes = 64 * 1024;
constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns trim_interval = 10'000 * millisecond;

}  // namespace

worker::worker(std::size_t index, commons& shared)
    : index_(index),
      shared_(shared),
      records_(shared.log.worker_ring(index)),
      wheel_(sys::monotonic_ns()),
      pool_(shared.pipes, counts_.relaying),
      scratch_(scratch_bytes),
      relaying_{{stream_io_, pool_, counts_.relaying, scratch_}, &edges_, {}, sys::monotonic_ns()},
      choosers_(static_cast<std::uint64_t>(relaying_.now) * 1024 + index),
      early_ends_(index),
      spares_({edges_, shared.spares, counts_, shared.local_ports, index}) {
  if (const int error = edges_.add_reader(mailbox_.fd(), {loop::edge_token::mailbox, 0, loop::side::client}))
    throw std::system_error(error, std::system_category(), "epoll_ctl");
}

worker::~worker() { stop_and_join(); }

void worker::start() {
  thread_ = std::thread([this] { run(); });
}

/// Choosers are made by the thread that calls: a worker would stand still for as long as a large table takes.
void worker::publish(std::shared_ptr<const snapshot> routes) {
  std::vector<std::unique_ptr<balance::chooser>> fresh(routes->size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const service_view& view = (*routes)[i];
    const bool is_current = published_ && i < published_->size() && (*published_)[i].object == view.object &&
                            (*published_)[i].roster == view.roster;
    if (!is_current) fresh[i] = view.object->make_chooser(view, index_);
  }
  mailbox_.post([this, routes, fresh = std::move(fresh)]() mutable {
    choosers_.renew(std::move(fresh));
    routes_ = std::move(routes);
    spares_.follow(*routes_, shared_.workers.size());
  });
  published_ = std::move(routes);
}

void worker::call(loop::edge_token token) noexcept {
  try {
    mailbox_.post([this, token] {
      relaying_.now = sys::monotonic_ns();
      if (session* one = sessions_.find(token)) one->on_call();
    });
  } catch (const std::bad_alloc&) {
    // The first of a queue looks again by itself.
  }
}

void worker::cut_sessions() {
  mailbox_.post([this] {
    relaying_.now = sys::monotonic_ns();
    sessions_.for_each([](session& one) { one.cut(); });
  });
}

void worker::stop_and_join() {
  if (!thread_.joinable()) return;
  mailbox_.post([this] { stopped_ = true; });
  thread_.join();
}

bool worker::take_in(arrival& client) noexcept {
  counts_.active.fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<arrival> parcel;
  try {
    parcel = std::make_shared<arrival>(std::move(client));
    mailbox_.post([this, parcel] { open(std::move(*parcel)); });
    return true;
  } catch (const std::bad_alloc&) {
    if (parcel) client = std::move(*parcel);
    counts_.active.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
}

/// It tells the time itself: a turn that began before it may be the one that meets it.
void worker::poke() {
  mailbox_.post([this] { last_turn_.store(sys::monotonic_ns(), std::memory_order_relaxed); });
}

void worker::pass(std::function<void()> then) { mailbox_.post(std::move(then)); }

void worker::run() {
  while (!stopped_) turn();
  stop_listeners();
  sessions_.for_each([](session& one) { one.cut(); });
  bury_ended();
}

/// One wait and everything that came of it. While work is queued the wait is only a look.
void worker::turn() {
  const auto edges = edges_.wait(now(), next_due());
  relaying_.now = sys::monotonic_ns();
  last_turn_.store(relaying_.now, std::memory_order_relaxed);
  harvested_ = edges.size();
  std::swap(silent_, long_silent_);
  for (const epoll_event& event : edges) dispatch(event);
  run_ready();
  if (!long_silent_.empty()) run_silent();
  if (!waiting_.empty()) run_listeners();
  if (!doubts_.empty() && edges.size() < loop::edge_set::most_edges) run_doubts();
  run_deadlines();
  if (!ended_.empty()) bury_ended();
}

loop::time_ns worker::next_due() const noexcept {
  if (!ready_.empty() || !waiting_.empty() || !doubts_.empty() || !silent_.empty()) return 0;
  return std::min({wheel_.next_wake(), retry_accept_at_, trim_pipes_at_, early_ends_.due(), spares_.due()});
}

void worker::dispatch(const epoll_event& event) {
  const loop::edge_token token = loop::edge_token::unpack(event.data.u64);
  if (session* one = sessions_.find(token)) {
    one->on_edges(token.which, event.events);
  } else if (token.slot == loop::edge_token::mailbox) {
    mailbox_.read();
  } else if (token.slot >= loop::edge_token::first_spare && token.slot < loop::edge_token::first_listener) {
    spares_.on_edges(token, event.events, now());
  } else if (token.slot >= loop::edge_token::first_listener) {
    accept::listener* const door = listeners_[token.slot - loop::edge_token::first_listener].listener.get();
    if (door != nullptr && !std::exchange(door->queued, true)) waiting_.push_back(door);
  }
}

void worker::run_ready() {
  std::swap(ready_, running_);
  for (const loop::edge_token token : running_) {
    session* one = sessions_.find(token);
    if (one == nullptr) continue;
    one->queued = false;
    one->on_turn();
  }
  running_.clear();
}

/// Every edge there was has been seen since the doubt arose: what no flag knows of now was lost.
void worker::run_doubts() {
  std::swap(doubts_, doubted_);
  for (const loop::edge_token token : doubted_)
    if (session* one = sessions_.find(token)) one->look_again();
  doubted_.clear();
}

void worker::run_silent() {
  for (const loop::edge_token token : long_silent_)
    if (session* one = sessions_.find(token)) one->end_wait_for_first_word();
  long_silent_.clear();
}

void worker::run_deadlines() {
  if (now() >= wheel_.next_wake()) wheel_.advance(now(), [](loop::deadline& due) { session::of(due).on_deadline(); });
  run_chores();
}

void worker::run_chores() {
  if (now() >= retry_accept_at_) {
    retry_accept_at_ = loop::never;
    resume_paused(paused_.size());
  }
  if (now() >= trim_pipes_at_) {
    pool_.trim();
    trim_pipes_at_ = loop::never;
  }
  if (now() >= early_ends_.due()) early_ends_.run({sessions_, *routes_, now()});
  if (now() >= spares_.due()) spares_.run(now());
  // No wake for a pool that keeps nothing.
  if (trim_pipes_at_ == loop::never && pool_.cached() > 0) trim_pipes_at_ = now() + trim_interval;
}

void worker::session_ended(session& one, const log::session_record& record) {
  counts_.closed[static_cast<std::size_t>(record.reason)].add();
  counts_.received_from_clients.add(record.bytes_received);
  counts_.sent_to_clients.add(record.bytes_sent);
  if (wants_records()) records_.push(record);
  ended_.push_back(one.token());
}

void worker::bury_ended() {
  const std::size_t freed = ended_.size();
  for (const loop::edge_token token : ended_) sessions_.close(token);
  ended_.clear();
  counts_.active.fetch_sub(static_cast<std::uint32_t>(freed), std::memory_order_relaxed);
  if (!paused_.empty()) resume_paused(freed);
}

}  // namespace sluice::server
