#include "server/watchdog.hpp"

#include <algorithm>
#include <string>

#include "sys/clock.hpp"
#include "sys/notify.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns second = 1'000'000'000;
/// A turn takes microseconds; a worker that has not ended one for so long is stuck. It has been asked a good while
/// before, since an idle one sleeps as long as it likes.
constexpr loop::time_ns poke_after = second;
constexpr loop::time_ns stuck_after = 2 * second;
constexpr loop::time_ns time_to_answer = second;
constexpr std::chrono::microseconds usual_interval = std::chrono::milliseconds(500);

std::string name_of(std::size_t index) { return "worker " + std::to_string(index); }

std::string seconds(loop::time_ns time) { return std::to_string(time / second) + " s"; }

}  // namespace

watchdog::watchdog(boost::asio::io_context& io, const std::vector<std::unique_ptr<worker>>& workers,
                   const open_listeners& listeners, log::logger& log)
    : timer_(io), workers_(workers), listeners_(listeners), log_(log), interval_(usual_interval) {}

void watchdog::start() {
  watched_.resize(workers_.size());
  if (const auto asked = sys::watchdog_interval()) {
    fed_ = true;
    interval_ = std::min<std::chrono::microseconds>(*asked / 2, usual_interval);
  }
  wait();
}

void watchdog::look() {
  const loop::time_ns now = sys::monotonic_ns();
  for (std::size_t i = 0; i < workers_.size(); ++i) look_at(i, now);
  lend();
  if (fed_ && std::none_of(watched_.begin(), watched_.end(), [](const watched& one) { return one.stuck; }))
    sys::notify("WATCHDOG=1");
}

void watchdog::look_at(std::size_t index, loop::time_ns now) {
  worker& who = *workers_[index];
  watched& known = watched_[index];
  const loop::time_ns silent = now - who.last_turn();
  const bool answered = known.asked == 0 || who.last_turn() >= known.asked;
  if (answered) {
    known.asked = 0;
    if (silent >= poke_after) {
      known.asked = now;
      who.poke();
    }
  }
  const bool stuck = !answered && silent >= stuck_after && now - known.asked >= time_to_answer;
  if (stuck == known.stuck) return;
  known.stuck = stuck;
  who.set_stuck(stuck);
  log_.message(stuck ? log_level::error : log_level::warning,
               name_of(index) + (stuck ? " has made no progress for " + seconds(silent) : " goes on"));
}

/// After all were looked at, so that nobody is lent to who is stuck, too.
void watchdog::lend() {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    watched& one = watched_[i];
    const bool needed = one.stuck && (!one.stand_in || watched_[*one.stand_in].stuck);
    if (one.stand_in && (needed || !one.stuck)) {
      workers_[*one.stand_in]->give_back(i);
      one.stand_in.reset();
    }
    if (needed) lend_from(i);
  }
}

void watchdog::lend_from(std::size_t index) {
  std::optional<std::size_t> least;
  for (std::size_t i = 0; i < workers_.size(); ++i)
    if (!watched_[i].stuck && (!least || workers_[i]->load() < workers_[*least]->load())) least = i;
  if (!least) return;
  for (std::size_t tag = 0; tag < listeners_.doors.size(); ++tag) {
    const auto& sockets = listeners_.doors[tag].sockets;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if (worker_of(tag, i, workers_.size()) != index) continue;
      workers_[*least]->listen(sockets[i], static_cast<std::uint32_t>(tag), index);
      watched_[index].stand_in = least;
    }
  }
  if (watched_[index].stand_in)
    log_.message(log_level::warning, name_of(*least) + " accepts the clients of " + name_of(index));
}

void watchdog::wait() {
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    wait();  // first: it goes on even where looking fails for want of memory
    look();
  });
}

}  // namespace sluice::server
