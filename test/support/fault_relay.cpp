#include "support/fault_relay.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <exception>

#include "support/wait.hpp"
#include "sys/socket.hpp"

namespace sluice::support {
namespace {

using clock = std::chrono::steady_clock;
using state = fault_lane::state;

constexpr std::uint64_t listener_id = 0;
constexpr std::uint64_t stop_id = 1;

void add(int epoll, int fd, std::uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void close_with_reset(sys::unique_fd& fd) {
  if (!fd) return;
  sys::reset_on_close(fd.get());
  fd.reset();
}

/// Reset by its peer.
bool is_gone(int fd) { return (poll_events(fd, 0, std::chrono::milliseconds(0)) & (POLLERR | POLLHUP)) != 0; }

/// What to wait for on a socket. Behind a black hole only its reset tells that nobody waits there any more.
std::uint32_t wanted_of(const fault_lane& from, const fault_lane& to) {
  return (from.wants_in() ? EPOLLIN : 0U) | (to.wants_out() ? EPOLLOUT : 0U) |
         (to.swallows() && !from.source_was_reset() ? EPOLLERR : 0U);
}

}  // namespace

struct fault_relay::connection {
  std::uint64_t id;
  sys::unique_fd client;
  sys::unique_fd target;
  fault_lane to_target;
  fault_lane to_client;
  carried told;
  std::uint32_t client_watched = 0;
  std::uint32_t target_watched = 0;
};

fault_relay::fault_relay(const sys::socket_address& target, const fault_relay_settings& settings)
    : target_(target),
      settings_(settings),
      where_(listen_tcp(AF_INET, 4096)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      random_(settings.seed) {
  add(epoll_.get(), where_.fd.get(), listener_id);
  add(epoll_.get(), stop_.get(), stop_id);
  thread_ = std::thread([this] { serve(); });
}

fault_relay::~fault_relay() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
  for (auto& [id, one] : connections_) {
    close_with_reset(one->client);
    close_with_reset(one->target);
  }
}

void fault_relay::serve() {
  std::array<epoll_event, 256> events;
  while (true) {
    const int n =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_milliseconds(clock::now()));
    bool somebody_comes = false;
    std::vector<std::uint64_t> touched;
    for (int i = 0; i < n; ++i) {
      const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
      if (id == stop_id) return;
      if (id == listener_id)
        somebody_comes = true;
      else
        touched.push_back(id);
    }
    const auto now = clock::now();
    for (const auto& [id, one] : connections_)
      if (std::min(one->to_target.due(), one->to_client.due()) <= now) touched.push_back(id);
    for (const std::uint64_t id : touched) {
      const auto found = connections_.find(id);
      if (found == connections_.end() || move(*found->second, now)) continue;
      end(*found->second);
      connections_.erase(found);
      --open_;
    }
    if (somebody_comes) take_in();
  }
}

int fault_relay::wait_milliseconds(clock::time_point now) const {
  auto first = clock::time_point::max();
  for (const auto& [id, one] : connections_) first = std::min({first, one->to_target.due(), one->to_client.due()});
  if (first == clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void fault_relay::take_in() {
  sys::socket_address peer;
  while (sys::fd_result taken = sys::accept(where_.fd.get(), peer)) {
    ++accepted_;
    sys::set_option(taken.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    sys::unique_fd target = reach(peer);
    if (!target) {
      close_with_reset(taken.fd);
      continue;
    }
    const std::uint64_t id = next_id_++;
    auto made =
        std::make_unique<connection>(connection{id,
                                                std::move(taken.fd),
                                                std::move(target),
                                                fault_lane(settings_.to_target, random_, settings_.hides_resets),
                                                fault_lane(settings_.to_client, random_, settings_.hides_resets),
                                                {}});
    made->told.client = to_string(peer);
    made->told.target = to_string(target_);
    connection& one = *connections_.emplace(id, std::move(made)).first->second;
    ++open_;
    watch(one.client.get(), one.client_watched, EPOLLIN, id);
    watch(one.target.get(), one.target_watched, EPOLLIN, id);
  }
}

/// Nothing if the target can't be reached.
sys::unique_fd fault_relay::reach(const sys::socket_address& client) const {
  try {
    if (!settings_.keeps_client_address) return connect_to(target_);
    sys::socket_address from = client;
    from.set_port(0);
    return connect_from(from, target_);
  } catch (const std::exception&) {
    return {};
  }
}

bool fault_relay::move(connection& one, clock::time_point now) {
  fault_lane& up = one.to_target;
  fault_lane& down = one.to_client;
  up.move(one.client.get(), one.target.get(), now);
  // Asked here: an end that the target answers at once may be met by the same pass.
  if (up.source_ended() && !down.source_ended()) one.told.client_first = true;
  // The kernel tells an error once: whoever reads behind a failed send sees an end of file.
  if (up.now_is() == state::broken) down.source_is_broken();
  down.move(one.target.get(), one.client.get(), now);
  if (down.now_is() == state::broken) up.source_is_broken();
  for (fault_lane* lane : {&up, &down}) {
    if (lane->now_is() == state::reset || lane->now_is() == state::cut) return false;
    if (lane->now_is() != state::broken) continue;
    // Its sink is gone. Behind a black hole nobody is told.
    if (!(lane == &up ? down : up).swallows()) return false;
    lane->swallow();
  }
  const auto over = [](const fault_lane& lane, const sys::unique_fd& sink) {
    return lane.now_is() == state::ended || (lane.swallows() && is_gone(sink.get()));
  };
  if (over(up, one.target) && over(down, one.client)) return false;
  watch(one.client.get(), one.client_watched, wanted_of(up, down), one.id);
  watch(one.target.get(), one.target_watched, wanted_of(down, up), one.id);
  return true;
}

void fault_relay::end(connection& one) {
  const bool clean = one.to_target.now_is() == state::ended && one.to_client.now_is() == state::ended;
  const bool cut_in_order = one.to_target.now_is() == state::cut || one.to_client.now_is() == state::cut;
  if (!clean && !cut_in_order) {
    close_with_reset(one.client);
    close_with_reset(one.target);
  }
  one.told.to_target = one.to_target.received();
  one.told.to_client = one.to_client.sent();
  one.told.cut = !clean;
  if (settings_.on_end) settings_.on_end(one.told);
}

/// A socket of which nothing is wanted leaves the set: it would go on telling of its end.
void fault_relay::watch(int fd, std::uint32_t& watched, std::uint32_t wanted, std::uint64_t id) const {
  if (wanted == watched) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = id;
  const int operation = watched == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  ::epoll_ctl(epoll_.get(), operation, fd, &event);
  watched = wanted;
}

}  // namespace sluice::support
