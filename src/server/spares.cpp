#include "server/spares.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "connect/connector.hpp"
#include "sys/poll.hpp"
#include "sys/stream_io.hpp"

namespace sluice::server {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns first_wait = 100 * millisecond;
constexpr loop::time_ns longest_wait = 10'000 * millisecond;
constexpr loop::time_ns settled = 1'000 * millisecond;
constexpr std::uint32_t generation_mask = 0x7fff'ffffU;

bool is_alive(int fd) noexcept {
  std::array<pollfd, 1> one{{{fd, POLLRDHUP, 0}}};
  return sys::poll(one, 0) == 0;
}

}  // namespace

std::uint32_t share_of_spares(std::uint32_t total, std::size_t worker, std::size_t workers,
                              std::size_t member) noexcept {
  const std::size_t rest = total % workers;
  const bool one_more = (worker + member) % workers < rest;
  return static_cast<std::uint32_t>(total / workers) + (one_more ? 1 : 0);
}

void spares::follow(const snapshot& routes, std::size_t workers) {
  if (stopped_) return;
  for (const auto& [of, one] : pools_) one->is_current = false;
  for (const service_view& view : routes) {
    if (view.object->settings.warm == 0) continue;
    for (std::size_t i = 0; i < view.members.size(); ++i) follow(view, i, workers);
  }
  for (const auto& [of, one] : pools_) {
    if (one->is_current) continue;
    while (!one->members.empty()) release(one->members.back());
    std::erase(missing_, one.get());
  }
  std::erase_if(pools_, [](const auto& entry) { return !entry.second->is_current; });
  std::size_t all = 0;
  for (const auto& [of, one] : pools_) all += one->wanted;
  free_.reserve(std::max(all, places_.size()));
  for (auto index = static_cast<std::uint32_t>(places_.size()); places_.size() < all; ++index) {
    places_.emplace_back();
    free_.push_back(index);
  }
  missing_.reserve(pools_.size());
  for (const auto& [of, one] : pools_) miss(*one);
}

/// A range of target ports has none: which port is wanted is known when the client is.
void spares::follow(const service_view& view, std::size_t member, std::size_t workers) {
  const server::member& one = view.members[member];
  const backend& target = *one.object;
  const std::uint32_t wanted = share_of_spares(view.object->settings.warm, at_.worker, workers, member);
  if (one.weight == 0 || one.addresses.empty() || target.target.ports.size() > 1 || wanted == 0) return;
  std::unique_ptr<pool>& known = pools_[&target];
  if (!known) known = std::make_unique<pool>();
  known->whose = view.object;
  known->of = one.object;
  known->is_current = true;
  known->wanted = wanted;
  known->members.reserve(wanted);
  address_list addresses = one.addresses;
  for (sys::socket_address& to : addresses)
    if (!to.is_unix()) to.set_port(target_port(target.target, 0));
  if (addresses != known->addresses) known->next_try = 0;
  known->addresses = std::move(addresses);
  for (std::size_t i = known->members.size(); i-- > 0;) {
    const sys::socket_address& to = places_[known->members[i]].address;
    const bool is_elsewhere = std::find(known->addresses.begin(), known->addresses.end(), to) == known->addresses.end();
    if (is_elsewhere || i >= wanted) release(known->members[i]);
  }
}

spares::taken spares::take(const backend& of, loop::edge_token as) noexcept {
  taken result;
  const auto found = pools_.find(&of);
  if (found == pools_.end()) return result;
  pool& from = *found->second;
  for (std::size_t i = from.members.size(); i-- > 0 && !result.fd;) {
    const std::uint32_t index = from.members[i];
    place& one = places_[index];
    if (one.now_is != state::ready) continue;
    if (is_alive(one.fd.get()) && at_.edges.restore(one.fd.get(), as) == 0) {
      result = {std::move(one.fd), one.address};
      from.failures = 0;
      at_.counts.spares_used.add();
    } else {
      at_.counts.spares_lost.add();
    }
    release(index);
  }
  miss(from);
  return result;
}

void spares::on_edges(loop::edge_token token, std::uint32_t edges, loop::time_ns now) noexcept {
  const std::uint32_t index = token.slot - loop::edge_token::first_spare;
  if (index >= places_.size()) return;
  place& one = places_[index];
  if (one.now_is == state::free || one.generation != token.generation) return;
  pool& of = *one.of;
  const bool is_over = (edges & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0;
  if (one.now_is == state::connecting) {
    if (!is_over && (edges & EPOLLOUT) == 0) return;
    const bool met_itself =
        connect::may_meet_itself(one.address, at_.local_ports) && sys::local_address(one.fd.get()) == one.address;
    if (!is_over && !met_itself) return connected(index, now);
    release(index);
    failed(of, now);
  } else if (is_over) {
    at_.counts.spares_lost.add();
    const bool had_settled = now - one.since >= settled;
    release(index);
    if (had_settled) return miss(of);
    failed(of, now);
  }
}

void spares::run(loop::time_ns now) noexcept {
  while (!missing_.empty()) {
    pool& one = *missing_.back();
    missing_.pop_back();
    one.is_missing = false;
    fill(one, now);
  }
  if (now >= look_at_) look(now);
}

void spares::stop() noexcept {
  stopped_ = true;
  missing_.clear();
  look_at_ = loop::never;
  for (const auto& [of, one] : pools_)
    while (!one->members.empty()) release(one->members.back());
  pools_.clear();
}

void spares::miss(pool& one) noexcept {
  if (one.members.size() < one.wanted && !std::exchange(one.is_missing, true)) missing_.push_back(&one);
}

void spares::fill(pool& one, loop::time_ns now) noexcept {
  // A backend that rests is known to fail.
  if (!one.of->state.is_well(now)) one.next_try = std::max(one.next_try, now + first_wait);
  while (one.members.size() < one.wanted && now >= one.next_try) {
    if (!make(one, now)) failed(one, now);
  }
  if (one.members.size() < one.wanted) look_at_ = std::min(look_at_, one.next_try);
}

bool spares::make(pool& one, loop::time_ns now) noexcept {
  if (free_.empty() || at_.allowed.take(1) == 0) return false;
  accept::permit permit(at_.allowed);
  const sys::socket_address& to = one.addresses[one.failures % one.addresses.size()];
  sys::fd_result made = sys::make_socket(to.family());
  if (!made) return false;
  if (!to.is_unix()) sys::set_option(made.fd.get(), SOL_SOCKET, SO_OOBINLINE, 1);
  const int error = sys::connect(made.fd.get(), to);
  if (error != 0 && error != EINPROGRESS) return false;
  const std::uint32_t index = free_.back();
  if (at_.edges.add(made.fd.get(), token_of(index)) != 0) return false;
  free_.pop_back();
  place& there = places_[index];
  there.fd = std::move(made.fd);
  there.permit = std::move(permit);
  there.address = to;
  there.of = &one;
  there.since = now;
  there.due = now + loop::nanoseconds(one.whose->settings.timeouts.connect);
  there.now_is = state::connecting;
  one.members.push_back(index);
  look_at_ = std::min(look_at_, there.due);
  return true;
}

/// Their ages end apart, lest all of them are missing in one moment.
void spares::connected(std::uint32_t index, loop::time_ns now) noexcept {
  place& one = places_[index];
  one.now_is = state::ready;
  one.since = now;
  const loop::time_ns age = loop::nanoseconds(one.of->whose->settings.timeouts.warm);
  const auto step = static_cast<loop::time_ns>(index % 8 + one.generation % 8);
  one.due = age == 0 ? loop::never : now + age - age / 64 * step;
  look_at_ = std::min(look_at_, one.due);
  at_.counts.spares_made.add();
}

void spares::failed(pool& one, loop::time_ns now) noexcept {
  one.next_try = now + std::min(longest_wait, first_wait << std::min(one.failures, 7U));
  ++one.failures;
  look_at_ = std::min(look_at_, one.next_try);
}

void spares::release(std::uint32_t index) noexcept {
  place& one = places_[index];
  std::erase(one.of->members, index);
  one.fd.reset();
  one.permit = accept::permit();
  one.of = nullptr;
  one.now_is = state::free;
  one.generation = (one.generation + 1) & generation_mask;
  free_.push_back(index);
}

/// At what no edge tells: ages, connects without an answer, waits that are over.
void spares::look(loop::time_ns now) noexcept {
  look_at_ = loop::never;
  for (const auto& [of, one] : pools_) {
    for (std::size_t i = one->members.size(); i-- > 0;) {
      const std::uint32_t index = one->members[i];
      const place& there = places_[index];
      if (now < there.due) {
        look_at_ = std::min(look_at_, there.due);
        continue;
      }
      const bool had_no_answer = there.now_is == state::connecting;
      release(index);
      if (had_no_answer)
        failed(*one, now);
      else
        one->failures = 0;
    }
    fill(*one, now);
  }
}

loop::edge_token spares::token_of(std::uint32_t index) const noexcept {
  return {loop::edge_token::first_spare + index, places_[index].generation, loop::side::backend};
}

}  // namespace sluice::server
