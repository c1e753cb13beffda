#pragma once

#include <cstdint>

#include "loop/edge_set.hpp"
#include "loop/task.hpp"
#include "loop/wait_point.hpp"
#include "sys/socket.hpp"

namespace sluice::connect {

/// One attempt to reach one address.
struct attempt {
  sys::socket_address address;
  bool may_meet_itself = false;  ///< see may_meet_itself()
  /// The handshake's last ACK waits for the first bytes sent, which carry it: a segment less. Who asks for it sends
  /// bytes at once or calls sys::acknowledge_now(); otherwise the backend learns of its client 200 ms late.
  bool holds_ack = false;
  loop::time_ns deadline = loop::never;
};

/// A connected socket that is in the edge set, or why there is none: errno (ETIMEDOUT at the deadline, ECANCELED when
/// told to give up).
struct connected {
  sys::unique_fd fd;
  int error = 0;
  std::uint32_t edges = 0;  ///< what the kernel has told of this socket so far; it will not tell again
};

/// Where connecting happens: the worker's, outliving the attempt.
struct connect_place {
  loop::wait_point& wait;
  loop::edge_set& edges;
  loop::edge_token token;
  const loop::time_ns& now;  ///< the turn's time, kept current by the worker
};

/// Connects without blocking. The socket joins the edge set after connect() was called (before, it would report OUT|HUP
/// at once). A unix listener whose backlog is full never completes: it is tried again after 1, 2, 4 ... ms.
loop::task<connected> connect(connect_place place, attempt wanted);

/// A loopback address whose port the kernel may give to the connecting socket: it could connect to itself.
bool may_meet_itself(const sys::socket_address& address, const sys::local_ports& ports) noexcept;

/// Whether an error says that the machine, not the backend, lacks something (descriptors, memory, ports).
bool is_local_shortage(int error) noexcept;

}  // namespace sluice::connect
