#pragma once

#include <cstdint>

#include "sys/unique_fd.hpp"

namespace sluice::relay {

/// One socket of a session and what is known of it. The flags are sticky (invariant I3): an edge sets them, only the
/// call that proves the opposite clears them.
///
/// SO_OOBINLINE is set on the socket before bytes come (invariant I8): recv would step over an urgent byte in silence.
/// Who makes a TCP socket sees to it; the relay does for unix sockets, which inherit nothing from a listener.
struct stream {
  sys::unique_fd fd;
  int error = 0;          ///< first errno any call on this socket gave; the kernel tells it once (invariant I5)
  bool readable = false;  ///< cleared by EAGAIN on an empty pipe, or by a proven short fill
  bool writable = true;   ///< cleared by EAGAIN alone
  bool urgent = false;    ///< EPOLLPRI seen and not yet stepped over
  bool hung = false;      ///< RDHUP, HUP or ERR seen: a short fill proves nothing any more
  bool broken = false;    ///< ERR seen: the peer's connection is gone, whatever is still queued
  bool tcp = false;       ///< plain TCP: short fills can prove emptiness
  bool finished = false;  ///< its end of file was forwarded: nobody reads it any more
  bool nagles = false;    ///< TCP_NODELAY is wanted and not yet set
  bool silenced = false;  ///< its edge mask is OUT | RDHUP while its direction waits for the other socket
};

}  // namespace sluice::relay
