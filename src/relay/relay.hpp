#pragma once

#include <cstdint>
#include <utility>

#include "sluice/close_reason.hpp"

#include "loop/deadline_wheel.hpp"
#include "loop/edge_set.hpp"
#include "relay/pump.hpp"
#include "relay/stream.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::relay {

/// What a service sets for its relays. Times in nanoseconds; an idle or half_close of 0 means never, a reset_linger of
/// 0 at once.
struct relay_settings {
  loop::time_ns idle = 0;
  loop::time_ns half_close = 0;
  loop::time_ns reset_linger = 0;
  std::size_t backend_buffer_limit = 0;  ///< TCP_NOTSENT_LOWAT of the backend's socket; 0: none (invariant I9)
  bool keep_open = false;                ///< the descriptors are somebody else's: at the end they are let go
};

/// What the relays of one worker share.
struct relay_context {
  pump_context pumps;
  loop::edge_set* edges;  ///< null: somebody else waits, and asks waits_for()
  limits allowed;
  loop::time_ns now = 0;  ///< read once a turn
};

enum class relay_status : std::uint8_t {
  waiting,  ///< for an edge or due()
  again,    ///< its budget is spent: to the back of the ready queue
  closed,   ///< both sockets are closed; reason() and error() say why
};

/// One client and one backend, tied by two pumps, until both are closed: half-close, resets and deadlines are decided
/// here. All its state is these fields and what the kernel holds. Thread: its worker's.
class relay {
 public:
  explicit relay(loop::edge_token token) noexcept : token_(token) {}

  const stream& of(loop::side which) const noexcept { return which == loop::side::client ? client_ : backend_; }
  stream& of(loop::side which) noexcept { return which == loop::side::client ? client_ : backend_; }
  pump& client_to_backend() noexcept { return client_to_backend_.moves; }
  pump& backend_to_client() noexcept { return backend_to_client_.moves; }
  const pump& client_to_backend() const noexcept { return client_to_backend_.moves; }
  const pump& backend_to_client() const noexcept { return backend_to_client_.moves; }

  /// settings outlive the relay. Both sockets are connected and in the edge set: from now on edges, turns and deadlines
  /// are the relay's.
  void begin(const relay_settings& settings, loop::time_ns now) noexcept;

  /// Notes what the kernel told of one socket; run() acts on it.
  void on_edges(relay_context& context, loop::side which, std::uint32_t edges) noexcept;

  /// What a caller without an edge set has to wait for at one socket: EPOLLIN with EPOLLRDHUP and EPOLLPRI, EPOLLOUT,
  /// both or 0 (nothing but what is told anyway: EPOLLERR, EPOLLHUP). Level-triggered it never spins.
  std::uint32_t waits_for(loop::side which) const noexcept;

  /// Steps both directions as far as they go.
  relay_status run(relay_context& context) noexcept;

  /// Acts on whatever is due. May find nothing: due() is then later.
  relay_status on_deadline(relay_context& context) noexcept;

  /// When on_deadline() should be called next. Bytes that move push it back; it need not be filed anew for that.
  loop::time_ns due() const noexcept;

  /// Whether due() may have come nearer since the last call that asked.
  bool take_due_changed() noexcept { return std::exchange(due_changed_, false); }

  /// Resets both sides at once (the drain deadline).
  void cut(relay_context& context, close_reason why) noexcept;

  /// Ends it once it is `when`, for this reason: with an end of file to both at a moment when nobody loses anything by
  /// it, with resets if none comes within a second. The earliest of several counts.
  void end_at(loop::time_ns when, close_reason why) noexcept;

  /// The net under lost edges, second look: the kernel had bytes at the deadline and no harvest since told of them.
  relay_status look_again(relay_context& context) noexcept;
  /// Set by on_deadline(): look_again() is wanted after the next harvest.
  bool take_doubt() noexcept { return std::exchange(doubt_, false); }

  close_reason reason() const noexcept { return reason_; }
  int error() const noexcept { return error_; }
  /// A reset that could only be shown as an end of file, because the surviving peer is a unix socket.
  bool reset_shown_as_eof() const noexcept { return reset_shown_as_eof_; }
  loop::time_ns last_move() const noexcept { return last_move_; }

 private:
  enum class phase : std::uint8_t {
    moving,     ///< both directions live, or one of them finished
    draining,   ///< one socket is dead; what it had sent is still delivered to the other
    lingering,  ///< everything was delivered to the survivor's socket; it is reset once acknowledged
    closed,
  };

  struct direction {
    direction(stream& source, stream& sink) noexcept : moves(source, sink) {}
    pump moves;
    bool done = false;
  };

  stream& other(const stream& one) noexcept { return &one == &client_ ? backend_ : client_; }
  loop::side side_of(const stream& one) const noexcept {
    return &one == &client_ ? loop::side::client : loop::side::backend;
  }
  direction& from(const stream& source) noexcept {
    return &source == &client_ ? client_to_backend_ : backend_to_client_;
  }
  const direction& from(const stream& source) const noexcept {
    return &source == &client_ ? client_to_backend_ : backend_to_client_;
  }
  /// Between steps: whatever the direction from `source` does next needs room in its sink.
  bool waits_for_sink(const stream& source) const noexcept {
    return &source == &client_ ? !client_to_backend_.done && !backend_.writable
                               : !backend_to_client_.done && !client_.writable;
  }
  loop::edge_token token_of(const stream& one) const noexcept { return {token_.slot, token_.generation, side_of(one)}; }

  bool step(relay_context& context, stream& source) noexcept;
  void failed(relay_context& context, stream& source) noexcept;
  void name_the_end(const stream& dead) noexcept;
  void linger(relay_context& context, stream& survivor) noexcept;
  void look_at_linger(relay_context& context) noexcept;
  void close_both(relay_context& context, bool reset) noexcept;
  void limit_backend_buffer() noexcept;
  void restore_silenced(relay_context& context) noexcept;
  void ask_behind() noexcept;
  bool find_left_behind() noexcept;
  void expire(relay_context& context) noexcept;
  void end_gently(relay_context& context) noexcept;
  bool is_quiet(loop::time_ns now) const noexcept;
  bool kernel_knows_more(const stream& source) const noexcept;
  bool half_closed() const noexcept { return client_to_backend_.done != backend_to_client_.done; }
  loop::time_ns quiet_limit() const noexcept;
  loop::time_ns stall_due() const noexcept;

  loop::edge_token token_;
  stream client_;
  stream backend_;
  direction client_to_backend_{client_, backend_};
  direction backend_to_client_{backend_, client_};
  const relay_settings* settings_ = nullptr;
  loop::time_ns last_move_ = 0;
  loop::time_ns trusted_at_ = 0;   ///< when a short fill was last trusted, while trusting_
  loop::time_ns broken_at_ = 0;    ///< when a reset was first seen; 0: none
  loop::time_ns linger_look_ = 0;  ///< lingering: next look, and when to stop waiting
  loop::time_ns linger_until_ = 0;
  loop::time_ns end_at_ = loop::never;  ///< when it is to end, and the next look for a quiet moment after that
  loop::time_ns end_look_ = loop::never;
  int error_ = 0;
  phase phase_ = phase::moving;
  close_reason reason_ = close_reason::client_fin;
  close_reason end_reason_ = close_reason::client_fin;  ///< why end_at_
  loop::side survivor_ = loop::side::client;
  bool ended_ = false;  ///< reason_ is final
  bool backend_limited_ = false;
  bool looked_ = false;
  bool doubt_ = false;
  bool trusting_ = false;
  bool asked_behind_ = false;
  bool due_changed_ = false;
  bool reset_shown_as_eof_ = false;
};

}  // namespace sluice::relay
