#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::sys {

/// Sends one sd_notify(3) message ("READY=1", "STATUS=...\nWATCHDOG=1") to $NOTIFY_SOCKET, a path or '@' and an
/// abstract name. Returns 0, also when the variable is unset, or errno; EAGAIN where a manager that does not read has
/// not made room within longest_wait. Thread: any; the environment is read at every call.
int notify(std::string_view text, std::chrono::milliseconds longest_wait = std::chrono::seconds(1)) noexcept;

/// How often the service manager wants to hear WATCHDOG=1 ($WATCHDOG_USEC, if meant for this process by $WATCHDOG_PID);
/// nullopt if it does not. Send it twice as often.
std::optional<std::chrono::microseconds> watchdog_interval() noexcept;

}  // namespace sluice::sys
