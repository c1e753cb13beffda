#pragma once

#include <cstdint>
#include <optional>

#include "sluice/config.hpp"

#include "accept/admission.hpp"
#include "sys/socket.hpp"

namespace sluice::accept {

class listener;

/// A client that came in, and its places under the limits.
struct accepted {
  sys::unique_fd client;
  sys::socket_address peer;
  permit of_process;
  permit of_service;
};

/// Why a listener rests: a limit is reached, or the system has no descriptor or memory for a client.
enum class pause_reason : std::uint8_t { process_full, service_full, no_resources };

/// Who gets what a listener accepts.
class accept_handler {
 public:
  virtual void on_accepted(listener& from, accepted&& client) noexcept = 0;
  virtual void on_rejected(listener& from) noexcept = 0;
  /// The listener takes nobody in until resume(). error is errno, 0 at a limit.
  virtual void on_paused(listener& from, pause_reason why, int error) noexcept = 0;

 protected:
  ~accept_handler() = default;
};

/// One listening descriptor on one worker. Edges say when clients wait; they are taken in bounded batches of accept4.
/// Others may share the descriptor and accept from it, too.
/// Thread: its worker's.
class listener {
 public:
  /// tag: what the handler knows the listener by. of_service may have no cap.
  listener(sys::shared_fd fd, std::uint32_t tag, admission& of_process, admission& of_service, full_action when_full,
           accept_handler& handler);
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  int fd() const noexcept { return fd_ ? fd_->get() : -1; }

  /// Takes one batch in. True if more may wait: call again in a later turn, no edge will say so.
  bool take_batch() noexcept;
  /// Ends a pause; the next edge or take_batch() goes on.
  void resume() noexcept { paused_ = false; }
  /// Takes in whoever waits already and gives its share up, in one go: what is left in the queue when the last share
  /// goes is reset.
  void stop() noexcept;

  std::uint32_t tag() const noexcept { return tag_; }
  bool is_paused() const noexcept { return paused_; }

  bool queued = false;  ///< in the worker's list of listeners that have clients waiting

 private:
  /// Of both limits; where there are none, `full` is the one that has none.
  std::uint32_t take_permits(std::uint32_t wanted, pause_reason& full) noexcept;
  bool take_or_reject() noexcept;
  int accept_one(accepted& client) noexcept;
  void hand_over(accepted&& client) noexcept;
  /// Whether more may wait after a batch that took so many and ended with `error` (0: with none). Pauses if need be.
  bool may_go_on(int error, std::uint32_t taken) noexcept;
  void pause(pause_reason why, int error) noexcept;

  sys::shared_fd fd_;
  std::uint32_t tag_;
  admission& of_process_;
  admission& of_service_;
  full_action when_full_;
  accept_handler& handler_;
  bool paused_ = false;
  bool stopped_ = false;
};

}  // namespace sluice::accept
