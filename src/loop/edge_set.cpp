#include "loop/edge_set.hpp"

#include <algorithm>
#include <limits>
#include <system_error>

namespace sluice::loop {

edge_set::edge_set() {
  if (poll_.fd() < 0) throw std::system_error(poll_.error(), std::system_category(), "epoll_create1");
}

std::span<const epoll_event> edge_set::wait(time_ns now, time_ns due) noexcept {
  constexpr time_ns millisecond = 1'000'000;
  int timeout = -1;
  if (due <= now) {
    timeout = 0;
  } else if (due != never) {
    // Rounded up: a deadline is never looked at early.
    const time_ns wait = (due - now + millisecond - 1) / millisecond;
    timeout = static_cast<int>(std::min<time_ns>(wait, std::numeric_limits<int>::max()));
  }
  return poll_.wait(events_, timeout);
}

}  // namespace sluice::loop
