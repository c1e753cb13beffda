#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <system_error>

#include "sluice/close_reason.hpp"
#include "sluice/pipe_pool.hpp"
#include "sluice/stats.hpp"

namespace sluice::zero_copy {

/// CLOCK_MONOTONIC.
using relay_clock = std::chrono::steady_clock;

struct relay_options {
  std::chrono::milliseconds idle{0};              ///< ends when no byte moved for so long; 0: never
  std::chrono::milliseconds half_close{0};        ///< the same once one end has finished; 0: never
  std::chrono::milliseconds reset_linger{1'000};  ///< how long bytes sent before a reset may take to be acknowledged
  std::size_t turn_bytes = 512 * 1024;     ///< a step moves no more in each direction, give or take a fill; more than 0
  std::size_t largest_fill = 1024 * 1024;  ///< bytes asked of one splice when a stream is bulk; more than 0
  bool copies = false;                     ///< copy from the beginning, to compare
  bool owns_descriptors = false;           ///< closes both at its end
  bool guards_sigpipe = true;  ///< false: the process ignores SIGPIPE already; saves two system calls a step
};

enum class relay_status : std::uint8_t {
  waiting,  ///< for what waits_for() names, or due()
  again,    ///< turn_bytes are spent: step it again, after others had their turn
  ended,    ///< result() says how
};

/// What to poll one descriptor for. Fits struct pollfd (poll(2)), and epoll_event::events.
struct wait_interest {
  int descriptor = -1;  ///< -1: leave it out (poll(2) passes over it), or a level-triggered wait would spin
  short events = 0;     ///< POLLIN | POLLRDHUP | POLLPRI, POLLOUT, both, or 0: for POLLERR and POLLHUP alone
};

/// One direction of a relay.
struct direction_counts {
  std::uint64_t received = 0;   ///< bytes taken from the source
  std::uint64_t delivered = 0;  ///< bytes the sink's kernel took; the rest is in a pipe, or lost if the relay has ended
  std::uint64_t copied = 0;     ///< of those received: passed user space. The others were spliced
  bool finished = false;        ///< the source's end of file was forwarded, with every byte before it
};

enum class relay_outcome : std::uint8_t {
  running,      ///< not over: it can be stepped and run
  ended,        ///< both directions are over; reason says why
  stopped,      ///< run() returned because its stop token asked; not over
  out_of_time,  ///< run() returned at its deadline; not over
};

struct relay_result {
  relay_outcome outcome = relay_outcome::running;
  close_reason reason = close_reason::client_fin;  ///< of ended: a FIN, a reset, unreachable, a timeout or relay_error
  std::error_code error;                           ///< of ended: what the kernel said, if it was no end of file
  direction_counts client_to_backend;
  direction_counts backend_to_client;
  /// How often bytes were copied although splice was wanted, by fallback_reason.
  std::array<std::uint64_t, fallback_reason_count> fallbacks{};

  std::uint64_t fallbacks_for(fallback_reason why) const noexcept { return fallbacks[static_cast<std::size_t>(why)]; }
};

/// Two connected stream sockets (TCP or unix), tied by splice(2) in both directions until both have ended. Bytes never
/// enter user space, unless the kernel says that it can't be done: then they are copied through the pool's buffer and
/// counted. A pipe is held only while bytes are in it: idle relays cost none. It relays half-close (a FIN goes on when
/// every byte before it was delivered), urgent data (as ordinary bytes, in place) and resets.
///
/// Driven by run(), which blocks, or step by step from a loop of the caller's:
///
///     for (;;) {
///       const auto status = relay.step();
///       if (status == relay_status::ended) break;
///       const auto [client, backend] = relay.waits_for();
///       pollfd both[] = {{client.descriptor, client.events, 0}, {backend.descriptor, backend.events, 0}};
///       poll(both, 2, status == relay_status::again ? 0 : milliseconds until relay.due());
///       for (const pollfd& one : both) relay.ready(one.fd, one.revents);
///     }
///
/// With edge-triggered epoll(7) register both sockets once, for IN, OUT, RDHUP, PRI and ET, and hand every event to
/// ready(); waits_for() is not needed.
///
/// **Descriptors** stay the caller's, unless owns_descriptors is set; nothing else may read or write them meanwhile.
/// While it lives they are O_NONBLOCK (for everyone who shares the open file description) and SO_OOBINLINE; at its end
/// or when it dies, both are as they were. When one end was reset, what it had sent is delivered, and SO_LINGER is set
/// to 0 on both sockets, so that the caller's close() resets the other peer too: a FIN would tell it that the bytes
/// were all there are. It does not close them. Unix sockets can't be reset: their peer sees an end of file.
///
/// A relay that owns them closes them at its end; destroyed before, it resets both. One that does not own them and is
/// destroyed before its end loses what is in its pipes: received less delivered.
///
/// Thread: its pool's.
class relay {
 public:
  /// The pool outlives the relay. What is wrong with a descriptor (EBADF, ENOTSOCK, EPROTOTYPE: no stream socket,
  /// ENOTCONN: a listener, EINVAL: both are the same) ends the first step or run, as relay_error. Throws
  /// std::bad_alloc.
  relay(pipe_pool& pool, int client, int backend, const relay_options& options = {});
  ~relay();
  relay(relay&&) noexcept;
  relay& operator=(relay&&) noexcept;

  /// Moves what can be moved now, in both directions, without blocking, and does what is due.
  relay_status step(relay_clock::time_point now = relay_clock::now()) noexcept;

  /// What to wait for before the next step, client first.
  std::array<wait_interest, 2> waits_for() const noexcept;
  /// What poll(2) or epoll_wait(2) told of a descriptor; others than the relay's are passed over.
  void ready(int descriptor, std::uint32_t events) noexcept;
  /// When to step it even if nothing was told; time_point::max(): no need.
  relay_clock::time_point due() const noexcept;

  /// Steps and waits until both directions are over, the token asks, or the deadline is past. Afterwards a relay that
  /// is not over can be run or stepped on. Signals do not end it. Holds no pipe after a second without a byte.
  relay_result run(std::stop_token stop = {}, relay_clock::time_point deadline = relay_clock::time_point::max());

  /// What was moved so far, and how it ended if it has.
  relay_result result() const noexcept;

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

/// Relays until both directions are over, blocking the caller: relay::run() with pipes of its own, at most two of
/// 256 KiB. For a thread a connection; who has many in one thread shares a pool between relays. Throws std::bad_alloc.
relay_result relay_until_end(int client, int backend, const relay_options& options = {}, std::stop_token stop = {},
                             relay_clock::time_point deadline = relay_clock::time_point::max());

}  // namespace sluice::zero_copy
