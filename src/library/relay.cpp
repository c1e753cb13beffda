#include "sluice/relay.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "library/pipe_access.hpp"
#include "library/relay_parts.hpp"
#include "sys/clock.hpp"
#include "sys/poll.hpp"
#include "sys/sigpipe_guard.hpp"

namespace sluice::zero_copy {
namespace {

// So that what poll(2) tells and what epoll(7) tells need no translation.
static_assert(POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
              POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP);

constexpr short all_events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP;

constexpr std::array sides{loop::side::client, loop::side::backend};

std::int64_t nanoseconds(std::chrono::milliseconds span) noexcept { return std::chrono::nanoseconds(span).count(); }

std::size_t index(loop::side which) noexcept { return static_cast<std::size_t>(which); }

direction_counts counts_of(const sluice::relay::pump& moves) noexcept {
  return {moves.bytes_in(), moves.bytes_out(), moves.bytes_copied(), moves.fin_sent()};
}

}  // namespace

relay::parts::parts(pipe_pool::parts& pool, int client, int backend, const relay_options& options)
    : pool_(pool),
      options_(options),
      client_(client),
      backend_(backend),
      settings_{nanoseconds(options.idle), nanoseconds(options.half_close), nanoseconds(options.reset_linger), 0,
                !options.owns_descriptors},
      context_{{pool.io, pool.pipes, counts_, pool.scratch},
               nullptr,
               {SIZE_MAX, std::max<std::size_t>(options.turn_bytes, 1), std::max<std::size_t>(options.largest_fill, 1)},
               sys::monotonic_ns()} {
  for (const loop::side which : sides) {
    sluice::relay::stream& one = moves_.of(which);
    one.fd.reset(loan(which).fd());
    one.tcp = loan(which).is_tcp();
  }
  error_ = client_.error() != 0 ? client_.error() : backend_.error();
  if (error_ == 0 && client == backend) error_ = EINVAL;
  could_begin_ = error_ == 0;
  if (!could_begin_) return;
  moves_.begin(settings_, context_.now);
  if (options_.copies)
    for (sluice::relay::pump* way : {&moves_.client_to_backend(), &moves_.backend_to_client()})
      way->copy_from_now(context_.pumps, fallback_reason::configured);
  look();
}

/// What is here already may be news that an edge-triggered caller was told before there was a relay to tell.
void relay::parts::look() noexcept {
  std::array<pollfd, 2> both{{{client_.fd(), all_events, 0}, {backend_.fd(), all_events, 0}}};
  sys::poll(both, 0);
  for (const pollfd& one : both) ready(one.fd, static_cast<std::uint32_t>(one.revents));
}

relay::parts::~parts() {
  if (ended_) return;
  if (could_begin_ && options_.owns_descriptors) {
    moves_.cut(context_, close_reason::drained);
    end();
    return;
  }
  moves_.client_to_backend().abandon(context_.pumps);
  moves_.backend_to_client().abandon(context_.pumps);
  let_go();
}

/// Of a relay that is not over: the sockets are closed or left, as they are owned or not.
void relay::parts::let_go() noexcept {
  for (const loop::side which : sides)
    if (!options_.owns_descriptors || loan(which).error() == EBADF) moves_.of(which).fd.release();
  if (client_.fd() == backend_.fd()) moves_.of(loop::side::backend).fd.release();
  for (const loop::side which : sides) moves_.of(which).fd.reset();
  end();
}

relay_status relay::parts::step(std::int64_t now) noexcept {
  if (ended_) return relay_status::ended;
  if (!could_begin_) {
    let_go();
    return relay_status::ended;
  }
  context_.now = now;
  for (const loop::side which : sides)
    if (const std::uint32_t events = std::exchange(told_[index(which)], 0); events != 0)
      moves_.on_edges(context_, which, events);
  sluice::relay::relay_status status =
      std::exchange(in_doubt_, false) ? moves_.look_again(context_) : sluice::relay::relay_status::waiting;
  if (status == sluice::relay::relay_status::waiting) status = moves_.run(context_);
  if (status == sluice::relay::relay_status::waiting && now >= moves_.due()) {
    status = moves_.on_deadline(context_);
    in_doubt_ = moves_.take_doubt();
    if (in_doubt_ && status == sluice::relay::relay_status::waiting) status = sluice::relay::relay_status::again;
  }
  switch (status) {
    case sluice::relay::relay_status::waiting: return relay_status::waiting;
    case sluice::relay::relay_status::again: return relay_status::again;
    case sluice::relay::relay_status::closed: break;
  }
  error_ = moves_.error();
  end();
  return relay_status::ended;
}

relay_status relay::parts::guarded_step(std::int64_t now) noexcept {
  if (!options_.guards_sigpipe) return step(now);
  sys::sigpipe_guard guard;
  const relay_status status = step(now);
  if (met_error()) guard.expect_signal();
  return status;
}

void relay::parts::end() noexcept {
  ended_ = true;
  for (sys::socket_loan* one : {&client_, &backend_}) {
    if (options_.owns_descriptors) {
      one->keep();
    } else {
      one->give_back();
    }
  }
}

std::array<wait_interest, 2> relay::parts::waits_for() const noexcept {
  return {interest(loop::side::client), interest(loop::side::backend)};
}

wait_interest relay::parts::interest(loop::side which) const noexcept {
  if (ended_ || !could_begin_) return {};
  const std::uint32_t events = moves_.waits_for(which);
  if (events == 0 && hung_up_[index(which)]) return {};
  return {loan(which).fd(), static_cast<short>(events)};
}

void relay::parts::ready(int descriptor, std::uint32_t events) noexcept {
  if (ended_ || !could_begin_ || events == 0) return;
  for (const loop::side which : sides)
    if (loan(which).fd() == descriptor) {
      told_[index(which)] |= events;
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) hung_up_[index(which)] = true;
    }
}

bool relay::parts::met_error() const noexcept {
  return moves_.of(loop::side::client).error != 0 || moves_.of(loop::side::backend).error != 0;
}

std::int64_t relay::parts::due() const noexcept { return ended_ || !could_begin_ ? loop::never : moves_.due(); }

relay_result relay::parts::result() const noexcept {
  relay_result all;
  all.client_to_backend = counts_of(moves_.client_to_backend());
  all.backend_to_client = counts_of(moves_.backend_to_client());
  for (std::size_t i = 0; i < fallback_reason_count; ++i) all.fallbacks[i] = counts_.fallbacks[i].value();
  all.fallbacks[static_cast<std::size_t>(fallback_reason::configured)] = 0;
  if (!ended_) return all;
  all.outcome = relay_outcome::ended;
  all.reason = could_begin_ ? moves_.reason() : close_reason::relay_error;
  if (error_ != 0) all.error = system_error(error_);
  return all;
}

relay::relay(pipe_pool& pool, int client, int backend, const relay_options& options)
    : parts_(std::make_unique<parts>(*pool.parts_, client, backend, options)) {}

relay::~relay() = default;
relay::relay(relay&&) noexcept = default;
relay& relay::operator=(relay&&) noexcept = default;

relay_status relay::step(relay_clock::time_point now) noexcept {
  return parts_->guarded_step(std::chrono::nanoseconds(now.time_since_epoch()).count());
}

std::array<wait_interest, 2> relay::waits_for() const noexcept { return parts_->waits_for(); }

void relay::ready(int descriptor, std::uint32_t events) noexcept { parts_->ready(descriptor, events); }

relay_clock::time_point relay::due() const noexcept {
  const std::int64_t due = parts_->due();
  return due == loop::never ? relay_clock::time_point::max() : relay_clock::time_point(std::chrono::nanoseconds(due));
}

relay_result relay::result() const noexcept { return parts_->result(); }

}  // namespace sluice::zero_copy
