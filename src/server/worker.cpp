#include "server/worker.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

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
      work_(io_.get_executor()),
      wheel_(sys::monotonic_ns()),
      edges_(io_, [this] { edges_ready_ = true; }),
      pool_(shared.pipes, counts_.relaying),
      scratch_(scratch_bytes),
      relaying_{{stream_io_, pool_, counts_.relaying, scratch_}, edges_, {}, sys::monotonic_ns()},
      timer_(io_) {}

worker::~worker() { stop_and_join(); }

void worker::start() {
  thread_ = std::thread([this] { run(); });
}

void worker::publish(std::shared_ptr<const snapshot> routes) {
  boost::asio::post(io_, [this, routes = std::move(routes)]() mutable {
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

void worker::listen(sys::unique_fd fd, std::uint32_t tag) {
  boost::asio::post(io_, [this, fd = std::move(fd), tag]() mutable {
    service& owner = *service_at(tag).object;
    listeners_.push_back(std::make_unique<accept::listener>(io_, std::move(fd), tag, shared_.sessions, owner.sessions,
                                                            owner.settings.when_full, *this));
    listeners_.back()->start();
  });
}

void worker::stop_listening() {
  boost::asio::post(io_, [this] {
    for (auto& one : listeners_) one->stop();
    paused_.clear();
    listeners_.clear();
  });
}

void worker::cut_sessions() {
  boost::asio::post(io_, [this] {
    relaying_.now = sys::monotonic_ns();
    sessions_.for_each([](session& one) { one.cut(); });
  });
}

void worker::stop_and_join() {
  if (!thread_.joinable()) return;
  boost::asio::post(io_, [this] { stopped_ = true; });
  thread_.join();
}

void worker::take_in(arrival&& client) {
  counts_.active.fetch_add(1, std::memory_order_relaxed);
  boost::asio::post(io_, [this, client = std::move(client)]() mutable { open(std::move(client)); });
}

void worker::poke() {
  boost::asio::post(io_, [] {});
}

/// One turn after every wake. While work is queued Asio is polled once a turn without waiting.
void worker::run() {
  edges_.arm();
  while (!stopped_) {
    if (ready_.empty() && doubts_.empty()) {
      arm_timer();
      io_.run_one();
    } else {
      io_.poll_one();
    }
    turn();
  }
  for (auto& one : listeners_) one->stop();
  listeners_.clear();
  sessions_.for_each([](session& one) { one.cut(); });
  bury_ended();
}

void worker::turn() {
  relaying_.now = sys::monotonic_ns();
  last_turn_.store(relaying_.now, std::memory_order_relaxed);
  if (edges_ready_ || !ready_.empty() || !doubts_.empty()) harvest();
  run_ready();
  if (!doubts_.empty()) run_doubts();
  run_deadlines();
  if (!ended_.empty()) bury_ended();
}

void worker::harvest() {
  for (const epoll_event& event : edges_.harvest()) {
    const loop::edge_token token = loop::edge_token::unpack(event.data.u64);
    if (session* one = sessions_.find(token)) one->on_edges(token.which, event.events);
  }
  // Arming asks the kernel anew, so edges beyond this batch wake the worker at once.
  if (std::exchange(edges_ready_, false)) edges_.arm();
}

void worker::queue(session& one) {
  if (std::exchange(one.queued, true)) return;
  ready_.push_back(one.token());
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

/// A harvest has been made since the doubt arose: what no flag knows of now was lost.
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

void worker::arm_timer() {
  const loop::time_ns due = std::min({wheel_.next_wake(), retry_accept_at_, trim_pipes_at_});
  if (due >= timer_due_) return;
  timer_due_ = due;
  timer_.expires_after(std::chrono::nanoseconds(std::max<loop::time_ns>(due - sys::monotonic_ns(), 0)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) timer_due_ = loop::never;
  });
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
  for (std::size_t i = 0; i < n; ++i) waiting[i]->resume();
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

/// This worker, unless it has well more than its share or is the only one that has the listener.
worker& worker::place_for(const entrance& door) noexcept {
  const auto& all = shared_.workers;
  if (all.size() == 1) return *this;
  std::uint64_t sum = 0;
  worker* least = this;
  for (const auto& one : all) {
    sum += one->load();
    if (one->load() < least->load()) least = one.get();
  }
  const std::uint64_t share = sum / all.size();
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
  const std::string what = why == accept::pause_reason::limit_reached
                               ? "max_connections is reached"
                               : std::string("accept: ") + std::strerror(error);
  shared_.log.message(log_level::warning, "not accepting on " + entrance_at(from.tag()).name + " for now: " + what);
}

}  // namespace sluice::server
