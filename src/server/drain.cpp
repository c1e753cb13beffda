#include "server/drain.hpp"

#include <utility>

namespace sluice::server {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How often sessions are counted while they finish: only during a drain, so it may be often.
constexpr milliseconds look_interval{5};

}  // namespace

drain::drain(boost::asio::io_context& io, const drain_config& settings, drain_actions actions)
    : timer_(io), settings_(settings), actions_(std::move(actions)) {}

void drain::request() {
  switch (stage_) {
    case stage::serving:
      stage_ = stage::grace;
      actions_.begin();
      if (settings_.grace.count() > 0) {
        wait(settings_.grace, &drain::stop_accepting);
      } else {
        stop_accepting();
      }
      break;
    case stage::grace: actions_.stop_accepting(); [[fallthrough]];
    case stage::finishing: cut(); break;
    case stage::cutting:
    case stage::over: break;
  }
}

void drain::stop_accepting() {
  if (stage_ != stage::grace) return;  // a second request came while the timer's end was in the queue already
  stage_ = stage::finishing;
  deadline_ = clock::now() + settings_.timeout;
  actions_.stop_accepting();
  look();
}

/// Nothing is decided before the last listener has stopped: it takes in whoever waited, and they are to be counted.
void drain::look() {
  if (actions_.accepting()) {
    wait(look_interval, &drain::look);
  } else if (actions_.sessions() == 0) {
    stage_ = stage::over;
    actions_.done(cut_ ? exit_code::cut : exit_code::done);
  } else if (stage_ == stage::finishing && clock::now() >= deadline_) {
    cut();
  } else {
    if (stage_ == stage::cutting) {
      cut_ = true;
      actions_.cut_sessions();  // again and again: some may be on their way between workers
    }
    wait(look_interval, &drain::look);
  }
}

void drain::cut() {
  timer_.cancel();
  stage_ = stage::cutting;
  look();
}

void drain::wait(milliseconds delay, void (drain::*next)()) {
  timer_.expires_after(delay);
  timer_.async_wait([this, next](const boost::system::error_code& error) {
    if (!error) (this->*next)();
  });
}

}  // namespace sluice::server
