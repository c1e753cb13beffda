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
  void look_again();
  /// Ends it now, with resets.
  void cut();

  loop::edge_token token() const noexcept { return token_; }
  bool has_ended() const noexcept { return phase_ == phase::ended; }
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
  loop::task<bool> reach(std::size_t chosen, loop::time_ns give_up_at);
  std::size_t choose(const std::vector<std::size_t>& tried);
  void note_failure(std::size_t chosen, int error);
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
  std::uint32_t attempts_ = 0;
  int error_ = 0;  ///< of the last attempt
  phase phase_ = phase::setting_up;
  bool only_shortages_ = true;  ///< every failed attempt was this machine's fault
  bool timed_out_ = false;      ///< some attempt was
  bool backend_options_set_ = false;
};

}  // namespace sluice::server
