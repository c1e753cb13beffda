#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "sys/socket_address.hpp"

namespace sluice::sys {

/// Who listens on an address.
struct holder {
  pid_t pid = 0;     ///< 0: not ours to see
  std::string comm;  ///< empty if pid is 0
  uid_t uid = 0;     ///< of the socket (TCP) or of the process (unix)
};

/// Finds a listener that stands in the way of binding `address`: the address itself, or a wildcard of the same port, by
/// /proc/net/{tcp,tcp6,unix} and /proc/*/fd. Best effort for an error message: nullopt where /proc does not show it,
/// pid 0 where it shows only the uid; the first of several processes that share the socket. Does a bounded amount of
/// work.
std::optional<holder> who_listens(const socket_address& address);

/// "nginx (pid 123)", or "a process of uid 33" where no more is known.
std::string describe(const holder& who);

}  // namespace sluice::sys
