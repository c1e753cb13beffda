#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accept/listener.hpp"
#include "log/logger.hpp"
#include "loop/deadline_wheel.hpp"
#include "loop/edge_set.hpp"
#include "loop/mailbox.hpp"
#include "relay/pipe_pool.hpp"
#include "relay/relay.hpp"
#include "server/choosers.hpp"
#include "server/counters.hpp"
#include "server/early_ends.hpp"
#include "server/service.hpp"
#include "server/session_table.hpp"
#include "server/spares.hpp"

namespace sluice::server {

class worker;

/// What the workers of a proxy share. Made before them, outlives them.
struct commons {
  accept::admission sessions;
  const std::vector<entrance>& entrances;  ///< by tag; they outlive the log, whose records point at their names
  relay::pipe_budget pipes;                ///< of one worker
  sys::local_ports local_ports;
  bool access_log = true;
  log::logger& log;
  std::vector<std::unique_ptr<worker>> workers;
  std::atomic<std::int64_t> last_pause_logged{0};
  accept::admission spares{0};  ///< connections that wait for a client: so many have descriptors
  /// A backend's signs ask for the judge of passive health. Thread: any.
  std::function<void(backend&)> on_signs = {};
};

/// A thread with its mailbox, edge set, deadlines, listeners and pipes. Nothing on its hot path is shared.
///
/// Thread: the methods under "From any thread" may be called by any, everything else is the worker's own.
class worker final : public accept::accept_handler {
 public:
  worker(std::size_t index, commons& shared);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  // From any thread; publish() from one at a time.
  void start();
  void publish(std::shared_ptr<const snapshot> routes);
  /// Accepts from a share of a listening descriptor. owner: the worker that it belongs to; another one's is lent until
  /// give_back().
  void listen(sys::shared_fd fd, std::uint32_t tag, std::size_t owner);
  void give_back(std::size_t owner);
  void stop_listening();
  /// Until what stop_listening() asked for is done.
  bool listening() const noexcept { return listening_.load(std::memory_order_acquire); }
  void cut_sessions();
  /// A closing or a rebalancing: its part is done by and by.
  template <typename Order>
  void end_early(std::shared_ptr<Order> order) {
    mailbox_.post([this, order = std::move(order)]() mutable { early_ends_.begin(std::move(order)); });
  }
  void stop_and_join();
  /// Takes it over; false, and it stays with the caller, where there is no memory to pass it on.
  bool take_in(arrival& client) noexcept;
  /// Runs it between two messages to the worker: what the worker was doing when this was called is over.
  void pass(std::function<void()> then);
  /// Tells a session that its turn to look for a backend has come. Without memory it is not told.
  void call(loop::edge_token token) noexcept;
  /// Asks for a sign of life: last_turn() moves on soon, unless the worker is stuck.
  void poke();
  /// A stuck worker is sent no clients by the others.
  void set_stuck(bool stuck) noexcept { stuck_.store(stuck, std::memory_order_relaxed); }
  bool is_stuck() const noexcept { return stuck_.load(std::memory_order_relaxed); }
  loop::time_ns last_turn() const noexcept { return last_turn_.load(std::memory_order_relaxed); }
  std::uint32_t load() const noexcept { return counts_.active.load(std::memory_order_relaxed); }
  const worker_counters& counts() const noexcept { return counts_; }

  // For its sessions.
  loop::deadline_wheel& wheel() noexcept { return wheel_; }
  loop::edge_set& edges() noexcept { return edges_; }
  relay::relay_context& relaying() noexcept { return relaying_; }
  worker_counters& counts() noexcept { return counts_; }
  const loop::time_ns& now() const noexcept { return relaying_.now; }
  const std::shared_ptr<const snapshot>& routes() const noexcept { return routes_; }
  const entrance& entrance_at(std::uint32_t tag) const noexcept { return shared_.entrances[tag]; }
  const service_view& service_at(std::uint32_t tag) const noexcept { return (*routes_)[entrance_at(tag).service]; }
  server::choosers& choosers() noexcept { return choosers_; }
  const sys::local_ports& local_ports() const noexcept { return shared_.local_ports; }
  /// Many things happened since the last turn: to save calls and segments is worth more than a few microseconds.
  bool is_busy() const noexcept { return harvested_ >= busy_edges; }
  void tell_of_signs(backend& one) const { shared_.on_signs(one); }
  bool wants_records() const noexcept { return shared_.access_log; }
  std::uint64_t next_session_id() noexcept { return ++opened_ * shared_.workers.size() + index_; }
  /// To the back of the ready queue.
  void queue(session& one) {
    if (!std::exchange(one.queued, true)) ready_.push_back(one.token());
  }
  /// Looked at again after the next harvest. Without room it is not: that is a net under a fault that has yet to be
  /// seen.
  void doubt(session& one) {
    if (doubts_.size() < doubts_.capacity()) doubts_.push_back(one.token());
  }
  /// Told at the end of the next turn, which comes at once, that it was to wait no longer.
  void expect_first_word(session& one) { silent_.push_back(one.token()); }
  /// A connection to this backend that is ready, watched under the session's token.
  spares::taken take_spare(const backend& of, loop::edge_token as) noexcept { return spares_.take(of, as); }
  /// The session has closed its sockets; it is destroyed at the end of the turn.
  void session_ended(session& one, const log::session_record& record);

 private:
  void run();
  void turn();
  void dispatch(const epoll_event& event);
  void run_listeners();
  void stop_listeners();
  void run_ready();
  void run_doubts();
  void run_silent();
  void run_deadlines();
  void bury_ended();
  void resume_paused(std::size_t most);
  loop::time_ns next_due() const noexcept;
  void run_chores();
  worker& place_for(const entrance& door) noexcept;
  void open(arrival&& client);
  void keep_room();
  std::string reason_of(std::uint32_t tag, accept::pause_reason why, int error) const;

  void on_accepted(accept::listener& from, accept::accepted&& client) noexcept override;
  void on_rejected(accept::listener& from) noexcept override;
  void on_paused(accept::listener& from, accept::pause_reason why, int error) noexcept override;

  std::size_t index_;
  commons& shared_;
  log::logger::ring& records_;
  loop::mailbox mailbox_;
  worker_counters counts_;
  loop::deadline_wheel wheel_;
  loop::edge_set edges_;
  sys::kernel_stream_io stream_io_;
  relay::pipe_pool pool_;
  std::vector<std::byte> scratch_;
  relay::relay_context relaying_;
  std::shared_ptr<const snapshot> published_;  ///< the last one that was posted; of the thread that publishes
  std::shared_ptr<const snapshot> routes_;
  server::choosers choosers_;
  struct held_listener {
    std::unique_ptr<accept::listener> listener;  ///< none once it was given back
    std::size_t owner = 0;                       ///< index of a worker
  };
  std::vector<held_listener> listeners_;      ///< by slot
  std::vector<accept::listener*> waiting_;    ///< have clients waiting, or may have
  std::vector<accept::listener*> accepting_;  ///< those of this turn
  std::vector<accept::listener*> paused_;
  session_table sessions_;
  early_ends early_ends_;
  spares spares_;
  // These have room for every session, and those above for every listener: nothing that waits needs memory to do so.
  std::vector<loop::edge_token> ready_;
  std::vector<loop::edge_token> running_;  ///< the ready queue of this turn
  std::vector<loop::edge_token> doubts_;
  std::vector<loop::edge_token> doubted_;      ///< those of this turn
  std::vector<loop::edge_token> silent_;       ///< hold an ACK for their client's first bytes
  std::vector<loop::edge_token> long_silent_;  ///< those of the last turn
  std::vector<loop::edge_token> ended_;
  loop::time_ns retry_accept_at_ = loop::never;
  loop::time_ns trim_pipes_at_ = loop::never;
  static constexpr std::size_t busy_edges = 3;
  std::size_t harvested_ = 0;  ///< edges of this turn
  std::uint64_t opened_ = 0;
  bool stopped_ = false;
  std::atomic<bool> listening_{true};
  std::atomic<bool> stuck_{false};
  std::atomic<loop::time_ns> last_turn_{0};
  std::thread thread_;
};

}  // namespace sluice::server
