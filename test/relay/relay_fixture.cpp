#include "relay/relay_fixture.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

namespace sluice::relay::testing {
namespace {

constexpr loop::edge_token token{3, 7, loop::side::client};

support::socket_pair make_pair(family kind) { return kind == family::tcp ? support::tcp_pair() : support::unix_pair(); }

support::byte_stream stream_from(loop::side source) {
  return support::byte_stream(source == loop::side::client ? 1 : 2);
}

}  // namespace

relay_fixture::relay_fixture(const relay_setup& setup)
    : pool_(setup.pipes, counts_),
      scratch_(64 * 1024),
      context_{{kernel_, pool_, counts_, scratch_}, &edges_, {}, 1'000 * second},
      settings_(setup.settings),
      relay_(std::make_unique<relay>(token)) {
  context_.allowed.turn_bytes = setup.turn_bytes;
  support::socket_pair clients = make_pair(setup.client);
  support::socket_pair backends = make_pair(setup.backend);
  client = std::move(clients.first);
  backend = std::move(backends.second);
  stream& of_client = relay_->of(loop::side::client);
  stream& of_backend = relay_->of(loop::side::backend);
  of_client.fd = std::move(clients.second);
  of_backend.fd = std::move(backends.first);
  of_client.tcp = setup.client == family::tcp;
  of_backend.tcp = setup.backend == family::tcp;
  // As listeners and the connector do.
  for (stream* one : {&of_client, &of_backend})
    if (one->tcp) REQUIRE(sys::set_option(one->fd.get(), SOL_SOCKET, SO_OOBINLINE, 1) == 0);
  if (setup.backend_sndbuf != 0) sys::set_option(of_backend.fd.get(), SOL_SOCKET, SO_SNDBUF, setup.backend_sndbuf);
  if (setup.backend_rcvbuf != 0) sys::set_option(backend.get(), SOL_SOCKET, SO_RCVBUF, setup.backend_rcvbuf);
  REQUIRE(edges_.add(of_client.fd.get(), {token.slot, token.generation, loop::side::client}) == 0);
  REQUIRE(edges_.add(of_backend.fd.get(), {token.slot, token.generation, loop::side::backend}) == 0);
  if (setup.copies) {
    relay_->client_to_backend().copy_from_now(context_.pumps, fallback_reason::configured);
    relay_->backend_to_client().copy_from_now(context_.pumps, fallback_reason::configured);
  }
  relay_->begin(settings_, context_.now);
  CHECK(relay_->take_due_changed());
  settle();
}

relay_fixture::~relay_fixture() {
  CHECK(counts_.lost_edges.value() == expected_lost_edges_);
  if (!closed()) relay_->cut(context_, close_reason::drained);
  CHECK(counts_.pipes_in_use.value() == 0);
  const pump& up = relay_->client_to_backend();
  const pump& down = relay_->backend_to_client();
  CHECK(up.bytes_in() >= up.bytes_out());
  CHECK(down.bytes_in() >= down.bytes_out());
}

bool relay_fixture::harvest_within(loop::time_ns wait) {
  bool any = false;
  for (const epoll_event& event : edges_.wait(0, wait)) {
    const loop::edge_token told = loop::edge_token::unpack(event.data.u64);
    CHECK(told.slot == token.slot);
    CHECK(told.generation == token.generation);
    if (!closed()) relay_->on_edges(context_, told.which, event.events);
    any = true;
  }
  return any;
}

bool relay_fixture::turn_within(loop::time_ns wait) {
  const bool told = harvest_within(status_ == relay_status::again ? 0 : wait);
  if (closed() || (!told && status_ != relay_status::again)) return told;
  run();
  return true;
}

void relay_fixture::run() { note(relay_->run(context_)); }

void relay_fixture::note(relay_status status) {
  if (closed()) return;
  status_ = status;
  relay_->take_due_changed();
  // Invariant I1: between steps a pipe is in use if and only if it holds bytes.
  const std::size_t with_bytes = (relay_->client_to_backend().bytes_in_pipe() > 0 ? 1 : 0) +
                                 (relay_->backend_to_client().bytes_in_pipe() > 0 ? 1 : 0);
  CHECK(counts_.pipes_in_use.value() == with_bytes);
}

void relay_fixture::settle() {
  while (turn()) {
  }
}

void relay_fixture::advance(loop::time_ns span) {
  context_.now += span;
  settle();
  context_.now -= span;
  advance_without_harvest(span);
}

void relay_fixture::advance_without_harvest(loop::time_ns span) {
  context_.now += span;
  if (closed() || context_.now < relay_->due()) return;
  note(relay_->on_deadline(context_));
  doubt_ = relay_->take_doubt();
}

void relay_fixture::look_again() {
  harvest();
  look_without_harvest();
}

void relay_fixture::cut(close_reason why) {
  relay_->cut(context_, why);
  status_ = relay_status::closed;
}

void relay_fixture::look_without_harvest() {
  if (!closed() && std::exchange(doubt_, false)) note(relay_->look_again(context_));
}

void relay_fixture::receive_now(loop::side at) {
  while (receive_some(at) > 0) {
  }
}

std::size_t relay_fixture::send_some(loop::side from, std::size_t n) {
  std::array<std::byte, 64 * 1024> piece;
  std::uint64_t& position = sent_[index(from)];
  const auto bytes = std::span(piece).first(std::min(n, piece.size()));
  stream_from(from).fill(position, bytes);
  const ssize_t taken = ::send(peer(from), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (taken <= 0) return 0;
  position += static_cast<std::uint64_t>(taken);
  return static_cast<std::size_t>(taken);
}

long relay_fixture::receive_some(loop::side at) {
  std::array<std::byte, 64 * 1024> piece;
  const ssize_t n = ::recv(peer(at), piece.data(), piece.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return -1;
  if (n <= 0) {
    end_error_ = n < 0 ? errno : 0;
    return -2;
  }
  std::uint64_t& position = received_[index(at)];
  const auto bytes = std::span(piece).first(static_cast<std::size_t>(n));
  CHECK(stream_from(opposite(at)).matching(position, bytes) == bytes.size());
  position += static_cast<std::uint64_t>(n);
  return n;
}

void relay_fixture::sent_bytes_arrive(loop::side from, long before) {
  CHECK(support::wait_until([&] { return sys::unread_bytes(relay_->of(from).fd.get()) >= before; }));
}

void relay_fixture::send_now(loop::side from, std::size_t n, std::size_t piece) {
  const long waiting = sys::unread_bytes(relay_->of(from).fd.get());
  for (std::size_t left = n; left > 0;) {
    const std::size_t taken = send_some(from, std::min(left, piece));
    REQUIRE(taken > 0);
    left -= taken;
  }
  sent_bytes_arrive(from, waiting + static_cast<long>(n));
}

bool relay_fixture::can_send_urgent(loop::side from) {
  const std::byte one = stream_from(from).at(sent_[index(from)]);
  if (::send(peer(from), &one, 1, MSG_OOB | MSG_NOSIGNAL) != 1) return false;
  ++sent_[index(from)];
  CHECK(support::wait_until(
      [&] { return (support::poll_events(relay_->of(from).fd.get(), POLLPRI, {}) & POLLPRI) != 0; }));
  return true;
}

void relay_fixture::send_behind_urgent(loop::side from, std::size_t n) {
  while (n > 0) {
    const std::size_t taken = send_some(from, n);
    REQUIRE(taken > 0);
    n -= taken;
  }
  if (relay_->of(from).tcp) CHECK(support::wait_until([&] { return sys::unacknowledged_bytes(peer(from)) == 0; }));
}

void relay_fixture::send_until_silenced(loop::side from) {
  CHECK(turn_until([&] {
    if (!relay_->of(from).silenced) send_some(from, 16 * 1024);
    return relay_->of(from).silenced;
  }));
}

void relay_fixture::end_stream(loop::side from) { REQUIRE(::shutdown(peer(from), SHUT_WR) == 0); }

void relay_fixture::finish(loop::side from) {
  end_stream(from);
  CHECK(support::wait_until(
      [&] { return (support::poll_events(relay_->of(from).fd.get(), POLLRDHUP, {}) & POLLRDHUP) != 0; }));
}

void relay_fixture::reset(loop::side from) {
  support::reset(std::move(end_of(from)));
  CHECK(support::wait_until(
      [&] { return (support::poll_events(relay_->of(from).fd.get(), POLLIN, {}) & (POLLERR | POLLHUP)) != 0; }));
}

void relay_fixture::exchange(loop::side from, std::size_t n) {
  const loop::side at = opposite(from);
  std::size_t to_send = n;
  const std::uint64_t until = sent_[index(from)] + n;
  const bool done = turn_until([&] {
    if (to_send > 0) to_send -= send_some(from, to_send);
    while (receive_some(at) > 0) {
    }
    return received_[index(at)] == until;
  });
  CAPTURE(received_[index(at)], until);
  CHECK(done);
}

int relay_fixture::receive_to_end(loop::side at) {
  const bool ended = turn_until(
      [&] {
        long n;
        while ((n = receive_some(at)) > 0) {
        }
        return n == -2;
      },
      millisecond);
  CHECK(ended);
  return ended ? end_error_ : -1;
}

void relay_fixture::flood(loop::side from) {
  std::uint64_t before;
  do {
    before = sent_[index(from)] + relay_->client_to_backend().bytes_out() + relay_->backend_to_client().bytes_out();
    while (send_some(from, 64 * 1024) > 0) {
    }
    settle();
    // What is on its way shows within a moment; if not, the next edge of the sending peer says so.
    support::wait_writable(peer(from), std::chrono::milliseconds(20));
    settle();
  } while (before !=
           sent_[index(from)] + relay_->client_to_backend().bytes_out() + relay_->backend_to_client().bytes_out());
}

}  // namespace sluice::relay::testing
