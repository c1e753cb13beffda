#include "crew.hpp"

#include <array>
#include <exception>
#include <utility>

#include "clocks.hpp"

namespace sluice::bench {
namespace {

constexpr int look_at_phase_every_ms = 20;

bool is_bulk(work what) { return what != work::ping_pong && what != work::short_sessions; }

}  // namespace

void crew::run() {
  try {
    start();
    loop();
  } catch (const std::exception& error) {
    failure_ = error.what();
    tally_.errors.add(1);
  }
  for (const auto& end : ends_) reset_on_close(end->socket());
  ends_.clear();
}

void crew::loop() {
  std::array<epoll_event, 256> room;
  while (now_.load(std::memory_order_relaxed) != phase::stopping) {
    for (const epoll_event& event : set_.wait(room, look_at_phase_every_ms)) {
      if (event.data.ptr == nullptr) {
        on_listener();
        continue;
      }
      auto& end = *static_cast<endpoint*>(event.data.ptr);
      const verdict after = end.on_events(event.events, tally_);
      if (after == verdict::goes_on) continue;
      if (after == verdict::broken) tally_.errors.add(1);
      drop(end);
      on_gone();
    }
  }
}

void crew::take_on(std::unique_ptr<endpoint> end) {
  end->place = ends_.size();
  set_.add(end->socket().get(), end->interest(), end.get());
  ends_.push_back(std::move(end));
  tally_.opened.add(1);
}

void crew::drop(const endpoint& end) {
  const std::size_t place = end.place;
  std::swap(ends_[place], ends_.back());
  ends_[place]->place = place;
  ends_.pop_back();
}

server_crew::server_crew(const options& wanted, const std::atomic<phase>& now)
    : crew(wanted, now), listener_(listen_on(wanted.serve_port)) {}

void server_crew::start() { set_.add(listener_.get(), EPOLLIN, nullptr); }

void server_crew::on_listener() {
  for (unique_fd client = accept_from(listener_); client.get() >= 0; client = accept_from(listener_)) {
    if (is_bulk(wanted_.what)) {
      const bool sends = wanted_.what != work::bulk_up;
      const bool receives = wanted_.what != work::bulk_down;
      take_on(std::make_unique<bulk_end>(std::move(client), sends, receives));
    } else {
      take_on(std::make_unique<exchange_end>(std::move(client), role::answers, wanted_, now_, nullptr, 0));
    }
  }
}

void client_crew::start() {
  for (std::size_t i = 0; i < wanted_.connections; ++i) open_one();
}

void client_crew::on_gone() {
  if (wanted_.what == work::short_sessions) open_one();
}

void client_crew::open_one() {
  const std::uint64_t started = now_ns();
  unique_fd socket = start_connect(wanted_.connect_port);
  if (is_bulk(wanted_.what)) {
    const bool sends = wanted_.what != work::bulk_down;
    const bool receives = wanted_.what != work::bulk_up;
    take_on(std::make_unique<bulk_end>(std::move(socket), sends, receives));
  } else {
    take_on(std::make_unique<exchange_end>(std::move(socket), role::asks, wanted_, now_, &latencies_, started));
  }
}

}  // namespace sluice::bench
