// How clients come to a worker: its listeners, and what it takes from them.
#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "server/worker.hpp"
#include "sys/clock.hpp"
#include "sys/socket.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns accept_retry = 100 * millisecond;

}  // namespace

void worker::listen(sys::shared_fd fd, std::uint32_t tag, std::size_t owner) {
  mailbox_.post([this, fd = std::move(fd), tag, owner]() mutable {
    service& of = *service_at(tag).object;
    auto place =
        std::find_if(listeners_.begin(), listeners_.end(), [](const held_listener& one) { return !one.listener; });
    if (place == listeners_.end()) place = listeners_.emplace(place);
    for (auto* queue : {&waiting_, &accepting_, &paused_}) queue->reserve(listeners_.size());
    const auto slot = loop::edge_token::first_listener + static_cast<std::uint32_t>(place - listeners_.begin());
    *place = {std::make_unique<accept::listener>(std::move(fd), tag, shared_.sessions, of.sessions,
                                                 of.settings.when_full, *this),
              owner};
    const int error = edges_.add_reader(place->listener->fd(), {slot, 0, loop::side::client});
    if (error != 0)
      shared_.log.message(log_level::error, "cannot watch " + entrance_at(tag).name + ": " + std::strerror(error) +
                                                "; its clients wait until sluice is started anew");
  });
}

/// Out of the edge set first: a descriptor that its owner still has would go on telling.
void worker::give_back(std::size_t owner) {
  mailbox_.post([this, owner] {
    for (held_listener& one : listeners_) {
      if (!one.listener || one.owner != owner) continue;
      if (one.listener->fd() >= 0) edges_.remove(one.listener->fd());
      std::erase(waiting_, one.listener.get());
      std::erase(paused_, one.listener.get());
      one.listener.reset();
    }
  });
}

void worker::stop_listening() {
  mailbox_.post([this] {
    waiting_.clear();
    paused_.clear();
    spares_.stop();
    stop_listeners();
    listening_.store(false, std::memory_order_release);
  });
}

/// Out of the edge set first, as in give_back().
void worker::stop_listeners() {
  for (const held_listener& one : listeners_) {
    if (!one.listener || one.listener->fd() < 0) continue;
    edges_.remove(one.listener->fd());
    one.listener->stop();
  }
}

/// One batch of each: a storm on one listener starves neither the others nor those who are in.
void worker::run_listeners() {
  std::swap(waiting_, accepting_);
  for (accept::listener* door : accepting_) {
    door->queued = door->take_batch();
    if (door->queued) waiting_.push_back(door);
  }
  accepting_.clear();
}

void worker::resume_paused(std::size_t most) {
  const auto n = static_cast<std::ptrdiff_t>(std::min(most, paused_.size()));
  for (auto one = paused_.begin(); one != paused_.begin() + n; ++one) {
    (*one)->resume();
    if (!std::exchange((*one)->queued, true)) waiting_.push_back(*one);
  }
  paused_.erase(paused_.begin(), paused_.begin() + n);
}

void worker::on_accepted(accept::listener& from, accept::accepted&& client) noexcept {
  arrival newcomer{std::move(client), from.tag(), sys::monotonic_ns()};
  counts_.accepted.add();
  worker& home = place_for(entrance_at(from.tag()));
  if (&home != this && home.take_in(newcomer)) return;
  counts_.active.fetch_add(1, std::memory_order_relaxed);
  open(std::move(newcomer));
}

/// This worker, unless it has well more than its share or is the only one that has the listener. None that is stuck.
worker& worker::place_for(const entrance& door) noexcept {
  const auto& all = shared_.workers;
  if (all.size() == 1) return *this;
  std::uint64_t sum = load();
  std::uint64_t able = 1;
  worker* least = this;
  for (const auto& one : all) {
    if (one.get() == this || one->is_stuck()) continue;
    sum += one->load();
    ++able;
    if (one->load() < least->load()) least = one.get();
  }
  const std::uint64_t share = sum / able;
  const bool overloaded = load() > share + share / 4 + 16;
  return door.one_owner || overloaded ? *least : *this;
}

/// A client for whom there is no memory is refused; nobody else notices.
void worker::open(arrival&& client) {
  relaying_.now = sys::monotonic_ns();
  choosers_.count(entrance_at(client.entrance).service);
  try {
    keep_room();
    sessions_.open(*this, std::move(client)).begin();
  } catch (const std::bad_alloc&) {
    // It must not take this for a backend's end of file.
    if (client.in.client) sys::reset_on_close(client.in.client.get());
    counts_.rejected.add();
    counts_.active.fetch_sub(1, std::memory_order_relaxed);
  }
}

/// For one session more, wherever one may be put.
void worker::keep_room() {
  const std::size_t n = sessions_.size() + 1;
  for (auto* queue : {&ready_, &running_, &doubts_, &doubted_, &silent_, &long_silent_, &ended_})
    if (queue->capacity() < n) queue->reserve(2 * n);
}

void worker::on_rejected(accept::listener&) noexcept { counts_.rejected.add(); }

void worker::on_paused(accept::listener& from, accept::pause_reason why, int error) noexcept {
  counts_.accept_pauses.add();
  paused_.push_back(&from);
  const std::int64_t at = sys::monotonic_ns();
  retry_accept_at_ = std::min(retry_accept_at_, at + accept_retry);
  // One line a second for the whole process, however many listeners pause.
  std::int64_t last = shared_.last_pause_logged.load(std::memory_order_relaxed);
  if (at - last < 1'000 * millisecond || !shared_.last_pause_logged.compare_exchange_strong(last, at)) return;
  try {
    shared_.log.message(log_level::warning, "not accepting on " + entrance_at(from.tag()).name +
                                                " for now: " + reason_of(from.tag(), why, error));
  } catch (const std::bad_alloc&) {
    // The counter has it.
  }
}

std::string worker::reason_of(std::uint32_t tag, accept::pause_reason why, int error) const {
  switch (why) {
    case accept::pause_reason::process_full:
      return "the program's limit of " + std::to_string(shared_.sessions.cap()) +
             " sessions (limits.max_connections, or what the descriptors allow) is reached";
    case accept::pause_reason::service_full:
      return "max_connections of service " + service_at(tag).object->name + " is reached";
    case accept::pause_reason::no_resources: return std::string("accept: ") + std::strerror(error);
  }
  return {};
}

}  // namespace sluice::server
