#include <poll.h>

#include <algorithm>
#include <optional>

#include "sluice/relay.hpp"

#include "library/relay_parts.hpp"
#include "sys/clock.hpp"
#include "sys/poll.hpp"
#include "sys/sigpipe_guard.hpp"

namespace sluice::zero_copy {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t without_flag = second / 10;  ///< where no eventfd is to be had, the token is looked at so often

/// How long to wait from `now` for `until`, as sys::poll takes it.
std::int64_t span_to(std::int64_t now, std::int64_t until) noexcept {
  return until == loop::never ? -1 : std::max<std::int64_t>(until - now, 0);
}

}  // namespace

relay_result relay::run(std::stop_token stop, relay_clock::time_point deadline) {
  std::optional<sys::sigpipe_guard> guard;
  if (parts_->guards_sigpipe()) guard.emplace();
  std::optional<sys::wake_flag> asked;
  if (stop.stop_possible()) asked.emplace();
  const std::stop_callback raise(stop, [&asked] { asked->raise(); });
  const std::int64_t until = deadline == relay_clock::time_point::max()
                                 ? loop::never
                                 : std::chrono::nanoseconds(deadline.time_since_epoch()).count();
  for (;;) {
    const std::int64_t now = sys::monotonic_ns();
    const relay_status status = parts_->step(now);
    if (guard && parts_->met_error()) guard->expect_signal();
    if (status == relay_status::ended) return result();
    if (stop.stop_requested() || now >= until) {
      relay_result so_far = result();
      so_far.outcome = stop.stop_requested() ? relay_outcome::stopped : relay_outcome::out_of_time;
      return so_far;
    }
    std::int64_t wake = std::min(until, parts_->due());
    if (now - parts_->last_move() >= second) {
      parts_->close_cached_pipes();
    } else {
      wake = std::min(wake, parts_->last_move() + second);
    }
    if (asked && asked->fd() < 0) wake = std::min(wake, now + without_flag);
    const auto [client, backend] = parts_->waits_for();
    std::array<pollfd, 3> all{{{client.descriptor, client.events, 0},
                               {backend.descriptor, backend.events, 0},
                               {asked ? asked->fd() : -1, POLLIN, 0}}};
    sys::poll(all, status == relay_status::again ? 0 : span_to(now, wake));
    for (const pollfd& one : std::span(all).first(2)) ready(one.fd, static_cast<std::uint32_t>(one.revents));
  }
}

relay_result relay_until_end(int client, int backend, const relay_options& options, std::stop_token stop,
                             relay_clock::time_point deadline) {
  constexpr pool_limits two_pipes{256, 2, 256 * 1024};
  pipe_pool pool(two_pipes);
  return relay(pool, client, backend, options).run(std::move(stop), deadline);
}

}  // namespace sluice::zero_copy
