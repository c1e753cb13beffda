#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "accept/listener.hpp"
#include "connect/connector.hpp"
#include "log/record.hpp"
#include "loop/task.hpp"
#include "loop/wait_point.hpp"
#include "relay/relay.hpp"
#include "server/service.hpp"

namespace sluice::server {

class worker;
struct search;

/// A client on its way in: accepted, not yet registered anywhere, so that it may still go to another worker.
struct arrival {
  accept::accepted in;
  std::uint32_t entrance = 0;
  loop::time_ns at = 0;
};

/// One client's stay, from accept to close: set_up() is its story. Once the relay runs, nothing of the set-up is left
/// but these fields and two sockets. Thread: its worker's.
class session {
 public:
  session(worker& home, loop::edge_token token, arrival&& from);
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void begin();
  void on_edges(loop::side which, std::uint32_t edges);
  void on_turn();
  void on_deadline();
  /// Its turn to look for a backend has come.
  void on_call();
  void look_again();
  /// The turn after that in which its ACK was held is over: the backend must hear of its client now.
  void end_wait_for_first_word();
  /// Ends it now, with resets.
  void cut(close_reason why = close_reason::drained);
  /// Ends it at a quiet moment within a second (relay::end_at). While it connects, nothing.
  void end_gently(close_reason why);

  loop::edge_token token() const noexcept { return token_; }
  bool has_ended() const noexcept { return phase_ == phase::ended; }
  bool is_relaying() const noexcept { return phase_ == phase::relaying; }
  /// end_gently() was called.
  bool is_ending() const noexcept { return ending_; }
  /// The backend it has or tries to reach; null before there is one.
  const backend* destination() const noexcept { return backend_; }
  loop::time_ns accepted_at() const noexcept { return accepted_at_; }
  /// The deadline filed in the worker's wheel, and back.
  static session& of(loop::deadline& entry) noexcept { return static_cast<filed_deadline&>(entry).owner; }

  bool queued = false;  ///< in the worker's ready queue

 private:
  enum class phase : std::uint8_t { setting_up, connected, failed, relaying, ended };

  struct filed_deadline : loop::deadline {
    explicit filed_deadline(session& of) noexcept : owner(of) {}
    session& owner;
  };

  loop::detached set_up();
  loop::task<bool> reach(const member& chosen, loop::time_ns give_up_at);
  const member* choose(search& of);
  bool may_go_on(search& of);
  bool may_retry(search& of);
  loop::task<bool> wait_for_backend(search& of);
  loop::task<bool> wait_in_queue(search& of);
  void note_queue_left(const search& of) noexcept;
  bool client_left() const noexcept;
  bool wants_reply() const noexcept;
  loop::task<bool> reply();
  void let_go() noexcept;
  bool take_spare(const backend& of);
  void note_first_word(bool ack_is_held);
  void note_failure(backend& of, int error);
  void note_latency(loop::time_ns sample);
  void note_ending(close_reason reason);
  void go_on();
  void start_relay();
  void act_on(relay::relay_status status);
  void finish(close_reason reason, int error);
  log::session_record record(close_reason reason, int error) const;

  worker& home_;
  loop::edge_token token_;
  std::uint32_t entrance_;
  accept::permit of_process_;
  accept::permit of_service_;
  filed_deadline deadline_{*this};
  loop::wait_point wait_;
  relay::relay relay_;
  service* service_;
  backend* backend_ = nullptr;
  std::uint64_t id_;
  loop::time_ns accepted_at_;
  loop::time_ns connected_at_ = 0;
  log::endpoint client_;
  log::endpoint local_;
  log::endpoint backend_address_;
  std::int64_t queue_ns_ = -1;  ///< time spent in the queue; -1: none
  std::uint64_t replied_bytes_ = 0;
  std::uint32_t attempts_ = 0;
  int error_ = 0;  ///< of the last attempt
  phase phase_ = phase::setting_up;
  bool only_shortages_ = true;  ///< every failed attempt was this machine's fault
  bool timed_out_ = false;      ///< some attempt was
  bool backend_options_set_ = false;
  bool has_place_ = false;               ///< it counts as a session of backend_
  bool all_full_ = false;                ///< there was nobody to choose for want of room
  bool waits_for_client_ = false;        ///< the set-up waits for edges of the client, and for calls
  std::optional<close_reason> refusal_;  ///< why it got no backend, if not for attempts that failed
  bool ending_ = false;
};

}  // namespace sluice::server
