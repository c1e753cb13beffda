#include "support/wait.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice::support {

using std::chrono::milliseconds;

short poll_events(int fd, short events, milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  pollfd waited{fd, events, 0};
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const int n = ::poll(&waited, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (n >= 0) return waited.revents;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  }
}

bool wait_readable(int fd, milliseconds timeout) { return poll_events(fd, POLLIN, timeout) != 0; }
bool wait_writable(int fd, milliseconds timeout) { return poll_events(fd, POLLOUT, timeout) != 0; }
bool is_readable(int fd) { return (poll_events(fd, POLLIN, milliseconds(0)) & POLLIN) != 0; }
bool is_writable(int fd) { return (poll_events(fd, POLLOUT, milliseconds(0)) & POLLOUT) != 0; }

}  // namespace sluice::support
