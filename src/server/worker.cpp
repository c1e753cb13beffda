#include "server/worker.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "sys/clock.hpp"

namespace sluice::server {
namespace {

constexpr std::size_t scratch_bytes = 64 * 1024;
constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns accept_retry = 100 * millisecond;
constexpr loop::time_ns trim_interval = 10'000 * millisecond;

}  // namespace

worker::worker(std::size_t index, commons& shared)
    : index_(index),
      shared_(shared),
      records_(shared.log.worker_ring(index)),
      wheel_(sys::monotonic_ns()),
      pool_(shared.pipes, counts_.relaying),
      scratch_(scratch_bytes),
      relaying_{{stream_io_, pool_, counts_.relaying, scratch_}, edges_, {}, sys::monotonic_ns()} {
  if (const int error = edges_.add_reader(mailbox_.fd(), {loop::edge_token::mailbox, 0, loop::side::client}))
    throw std::system_error(error, std::system_category(), "epoll_ctl");
}

worker::~worker() { stop_and_join(); }

void worker::start() {
  thread_ = std::thread([this] { run(); });
}

void worker::publish(std::shared_ptr<const snapshot> routes) {
  mailbox_.post([this, routes = std::move(routes)]() mutable {
    if (policies_.empty()) {
      for (const service_view& view : *routes) {
        std::vector<std::uint32_t> weights;
        for (const auto& one : view.object->backends) weights.push_back(one->weight);
        policies_.push_back(balance::make_policy(view.object->settings.balance, weights, index_));
      }
    }
    routes_ = std::move(routes);
  });
}

void worker::listen(sys::shared_fd fd, std::uint32_t tag, std::size_t owner) {
  mailbox_.post([this, fd = std::move(fd), tag, owner]() mutable {
    service& of = *service_at(tag).object;
    auto place =
        std::find_if(listeners_.begin(), listeners_.end(), [](const held_listener& one) { return !one.listener; });
    if (place == listeners_.end()) place = listeners_.emplace(place);
    const auto slot = loop::edge_token::first_listener + static_cast<std::uint32_t>(place - listeners_.begin());
    *place = {std::make_unique<accept::listener>(std::move(fd), tag, shared_.sessions, of.sessions,
                                                 of.settings.when_full, *this),
              owner};
    const int error = edges_.add_reader(place->listener->fd(), {slot, 0, loop::side::client});
    if (error != 0)
      shared_.log.message(log_level::error, "cannot watch " + entrance_at(tag).name + ": " + std::strerror(error) +
                                                "; its clients wait until sluice is started anew");
  });
}

/// Out of the edge set first: a descriptor that its owner still has would go on telling.
void worker::give_back(std::size_t owner) {
  mailbox_.post([this, owner] {
    for (held_listener& one : listeners_) {
      if (!one.listener || one.owner != owner) continue;
      if (one.listener->fd() >= 0) edges_.remove(one.listener->fd());
      std::erase(waiting_, one.listener.get());
      std::erase(paused_, one.listener.get());
      one.listener.reset();
    }
  });
}

void worker::stop_listening() {
  mailbox_.post([this] {
    waiting_.clear();
    paused_.clear();
    stop_listeners();
    listening_.store(false, std::memory_order_release);
  });
}

/// Out of the edge set first, as in give_back().
void worker::stop_listeners() {
  for (const held_listener& one : listeners_) {
    if (!one.listener || one.listener->fd() < 0) continue;
    edges_.remove(one.listener->fd());
    one.listener->stop();
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

void worker::take_in(arrival&& client) {
  counts_.active.fetch_add(1, std::memory_order_relaxed);
  mailbox_.post([this, client = std::move(client)]() mutable { open(std::move(client)); });
}

/// It tells the time itself: a turn that began before it may be the one that meets it.
void worker::poke() {
  mailbox_.post([this] { last_turn_.store(sys::monotonic_ns(), std::memory_order_relaxed); });
}

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
  for (const epoll_event& event : edges) dispatch(event);
  run_ready();
  if (!waiting_.empty()) run_listeners();
  if (!doubts_.empty() && edges.size() < loop::edge_set::most_edges) run_doubts();
  run_deadlines();
  if (!ended_.empty()) bury_ended();
}

loop::time_ns worker::next_due() const noexcept {
  if (!ready_.empty() || !waiting_.empty() || !doubts_.empty()) return 0;
  return std::min({wheel_.next_wake(), retry_accept_at_, trim_pipes_at_});
}

void worker::dispatch(const epoll_event& event) {
  const loop::edge_token token = loop::edge_token::unpack(event.data.u64);
  if (session* one = sessions_.find(token)) {
    one->on_edges(token.which, event.events);
  } else if (token.slot == loop::edge_token::mailbox) {
    mailbox_.read();
  } else if (token.slot >= loop::edge_token::first_listener) {
    accept::listener* const door = listeners_[token.slot - loop::edge_token::first_listener].listener.get();
    if (door != nullptr && !std::exchange(door->queued, true)) waiting_.push_back(door);
  }
}

/// One batch of each: a storm on one listener starves neither the others nor those who are in.
void worker::run_listeners() {
  std::swap(waiting_, accepting_);
  for (accept::listener* door : accepting_) {
    door->queued = door->take_batch();
    if (door->queued) waiting_.push_back(door);
  }
  accepting_.clear();
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
  for (const loop::edge_token token : std::exchange(doubts_, {}))
    if (session* one = sessions_.find(token)) one->look_again();
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

void worker::resume_paused(std::size_t most) {
  std::vector<accept::listener*> waiting = std::exchange(paused_, {});
  const std::size_t n = std::min(most, waiting.size());
  paused_.assign(waiting.begin() + static_cast<std::ptrdiff_t>(n), waiting.end());
  for (std::size_t i = 0; i < n; ++i) {
    waiting[i]->resume();
    if (!std::exchange(waiting[i]->queued, true)) waiting_.push_back(waiting[i]);
  }
}

void worker::on_accepted(accept::listener& from, accept::accepted&& client) noexcept {
  arrival newcomer{std::move(client), from.tag(), sys::monotonic_ns()};
  counts_.accepted.add();
  worker& home = place_for(entrance_at(from.tag()));
  if (&home != this) {
    home.take_in(std::move(newcomer));
    return;
  }
  counts_.active.fetch_add(1, std::memory_order_relaxed);
  open(std::move(newcomer));
}

/// This worker, unless it has well more than its share or is the only one that has the listener. None that is stuck.
worker& worker::place_for(const entrance& door) noexcept {
  const auto& all = shared_.workers;
  if (all.size() == 1) return *this;
  std::uint64_t sum = load();
  std::uint64_t able = 1;
  worker* least = this;
  for (const auto& one : all) {
    if (one.get() == this || one->is_stuck()) continue;
    sum += one->load();
    ++able;
    if (one->load() < least->load()) least = one.get();
  }
  const std::uint64_t share = sum / able;
  const bool overloaded = load() > share + share / 4 + 16;
  return door.one_owner || overloaded ? *least : *this;
}

/// A client for whom there is no memory is refused; nobody else notices.
void worker::open(arrival&& client) {
  relaying_.now = sys::monotonic_ns();
  try {
    sessions_.open(*this, std::move(client)).begin();
  } catch (const std::bad_alloc&) {
    counts_.rejected.add();
    counts_.active.fetch_sub(1, std::memory_order_relaxed);
  }
}

void worker::on_rejected(accept::listener&) noexcept { counts_.rejected.add(); }

void worker::on_paused(accept::listener& from, accept::pause_reason why, int error) noexcept {
  counts_.accept_pauses.add();
  paused_.push_back(&from);
  const std::int64_t at = sys::monotonic_ns();
  retry_accept_at_ = std::min(retry_accept_at_, at + accept_retry);
  // One line a second for the whole process, however many listeners pause.
  std::int64_t last = shared_.last_pause_logged.load(std::memory_order_relaxed);
  if (at - last < 1'000 * millisecond || !shared_.last_pause_logged.compare_exchange_strong(last, at)) return;
  std::string what;
  switch (why) {
    case accept::pause_reason::process_full:
      what = "the program's limit of " + std::to_string(shared_.sessions.cap()) +
             " sessions (limits.max_connections, or what the descriptors allow) is reached";
      break;
    case accept::pause_reason::service_full:
      what = "max_connections of service " + service_at(from.tag()).object->name + " is reached";
      break;
    case accept::pause_reason::no_resources: what = std::string("accept: ") + std::strerror(error); break;
  }
  shared_.log.message(log_level::warning, "not accepting on " + entrance_at(from.tag()).name + " for now: " + what);
}

}  // namespace sluice::server
