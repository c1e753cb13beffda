#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "loop/deadline_wheel.hpp"
#include "loop/edge_set.hpp"
#include "server/service.hpp"
#include "server/wait_queue.hpp"

namespace sluice::server {

class worker;

/// A session's message to itself, which another session has sent.
class session_waiter final : public waiter {
 public:
  session_waiter(worker& home, loop::edge_token token) noexcept : home_(home), token_(token) {}
  void call() noexcept override;

 private:
  worker& home_;
  loop::edge_token token_;
};

/// What a session knows while it looks for a backend: lives in the frame of its set-up, and goes with it.
struct search {
  search(service& of, worker& home, loop::edge_token token, loop::time_ns until) noexcept
      : who(home, token), place(of.queue, who), give_up_at(until) {}

  session_waiter who;
  wait_queue::place place;
  std::vector<const backend*> tried;     ///< in this round; allocates only once an attempt has failed
  std::uint32_t attempts = 0;            ///< backends tried
  bool granted = false;                  ///< the retry budget allowed the next one
  bool exhausted = false;                ///< no more attempts before it has waited
  loop::time_ns give_up_at;              ///< for connecting; time spent waiting in the queue does not count
  loop::time_ns backoff = 0;             ///< the last pause after a round; 0: there was none
  std::optional<loop::time_ns> entered;  ///< when it began to wait in the queue
};

}  // namespace sluice::server
