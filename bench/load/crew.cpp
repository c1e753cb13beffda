#include "crew.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "clocks.hpp"

namespace sluice::bench {
namespace {

constexpr std::size_t most_under_way = 100;  // the listen queue of some relays holds 128
constexpr int fill_again_after_ms = 1;
constexpr std::size_t chunk_in_a_mix_bytes = 64 << 10;  // a kernel may not preempt a longer call
constexpr std::uint32_t bulk_in_a_mix_bytes_a_second = 32 << 20;

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
    for (const epoll_event& event : set_.wait(room, on_turn())) {
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

void crew::take_on_bulk(unique_fd socket, bool sends, bool receives, bulk_crew& beside) {
  if (wanted_.is_bulk()) {
    take_on(std::make_unique<bulk_end>(std::move(socket), sends, receives, largest_chunk_bytes));
  } else {
    if (sends) pace(socket, bulk_in_a_mix_bytes_a_second);
    beside.give(std::make_unique<bulk_end>(std::move(socket), sends, receives, chunk_in_a_mix_bytes));
    tally_.opened.add(1);
  }
}

void bulk_crew::give(std::unique_ptr<endpoint> end) {
  const std::scoped_lock lock(mutex_);
  given_.push_back(std::move(end));
}

int bulk_crew::on_turn() {
  const std::scoped_lock lock(mutex_);
  for (auto& end : given_) take_on(std::move(end));
  given_.clear();
  return look_at_phase_every_ms;
}

server_crew::server_crew(const options& wanted, const std::atomic<phase>& now, bulk_crew& beside)
    : crew(wanted, now), beside_(beside), listener_(listen_on(wanted.serve_port)) {}

void server_crew::start() { set_.add(listener_.get(), EPOLLIN, nullptr); }

void server_crew::on_listener() {
  for (unique_fd client = accept_from(listener_); client.get() >= 0; client = accept_from(listener_)) {
    if (wanted_.is_bulk() || done().opened.read() < wanted_.bulk_connections()) {
      const bool sends = wanted_.what != work::bulk_up;
      const bool receives = wanted_.what == work::bulk_up || wanted_.what == work::bulk_both;
      take_on_bulk(std::move(client), sends, receives, beside_);
    } else {
      take_on(std::make_unique<exchange_end>(std::move(client), role::answers, wanted_, now_, nullptr, 0));
    }
  }
}

int client_crew::on_turn() {
  if (opened_ >= wanted_.held_connections()) {
    if (waiting_.empty()) return look_at_phase_every_ms;
    if (!all_through()) return fill_again_after_ms;
    for (unique_fd& socket : waiting_) begin_exchange(std::move(socket), now_ns());
    waiting_.clear();
    return look_at_phase_every_ms;
  }
  const auto through = static_cast<std::size_t>(served_.opened.read());
  // The server end takes the first it sees for the bulk, so nothing else may be on its way before those are through.
  const std::size_t bulk = wanted_.bulk_connections();
  const std::size_t most = std::min(through + most_under_way, through < bulk ? bulk : wanted_.held_connections());
  while (opened_ < most) open_one();
  return fill_again_after_ms;
}

void client_crew::on_gone() {
  if (wanted_.what == work::short_sessions) open_one();
}

void client_crew::open_one() {
  const std::uint64_t started = now_ns();
  unique_fd socket = start_connect(wanted_.connect_port);
  if (opened_++ < wanted_.bulk_connections()) {
    const bool sends = wanted_.what == work::bulk_up || wanted_.what == work::bulk_both;
    const bool receives = wanted_.what != work::bulk_up;
    take_on_bulk(std::move(socket), sends, receives, beside_);
  } else if (wanted_.what == work::ping_pong || wanted_.what == work::mix) {
    waiting_.push_back(std::move(socket));
  } else {
    begin_exchange(std::move(socket), started);
  }
}

void client_crew::begin_exchange(unique_fd socket, std::uint64_t started_ns) {
  take_on(std::make_unique<exchange_end>(std::move(socket), role::asks, wanted_, now_, &latencies_, started_ns));
}

}  // namespace sluice::bench
