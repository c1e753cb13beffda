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
  stage_ = stage::finishing;
  deadline_ = clock::now() + settings_.timeout;
  actions_.stop_accepting();
  look();
}

void drain::look() {
  if (actions_.sessions() == 0) {
    const bool was_cut = stage_ == stage::cutting;
    stage_ = stage::over;
    actions_.done(was_cut ? exit_code::cut : exit_code::done);
  } else if (stage_ == stage::finishing && clock::now() >= deadline_) {
    cut();
  } else {
    if (stage_ == stage::cutting) actions_.cut_sessions();  // those that were on their way between workers
    wait(look_interval, &drain::look);
  }
}

void drain::cut() {
  timer_.cancel();
  if (actions_.sessions() > 0) stage_ = stage::cutting;
  look();
}

void drain::wait(milliseconds delay, void (drain::*next)()) {
  timer_.expires_after(delay);
  timer_.async_wait([this, next](const boost::system::error_code& error) {
    if (!error) (this->*next)();
  });
}

}  // namespace sluice::server
