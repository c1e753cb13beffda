#include "server/health_watch.hpp"

#include <algorithm>
#include <chrono>

#include "sys/clock.hpp"

namespace sluice::server {
namespace {

using balance::check_state;
using kind = connect::health_verdict::kind;

constexpr std::chrono::seconds longest_first_round{5};

/// What HTTP asks for.
std::string authority_of(const address& target, std::uint16_t port) {
  if (target.type != address::kind::tcp) return "localhost";
  const bool is_ipv6 = target.host.find(':') != std::string::npos;
  std::string text = is_ipv6 ? '[' + target.host + ']' : target.host;
  if (port != 80) text += ':' + std::to_string(port);
  return text;
}

connect::health_target target_of(const health_config& settings, const backend& one, sys::socket_address to) {
  connect::health_target result;
  if (!to.is_unix())
    to.set_port(settings.port != 0 ? static_cast<std::uint16_t>(settings.port) : one.target.ports.first);
  result.to = to;
  if (one.target.type == address::kind::tcp) result.name = one.target.host;
  result.authority = authority_of(one.target, to.port());
  return result;
}

std::string in_a_row(std::uint32_t count, const char* one, const char* many) {
  return count == 1 ? std::string("a check ") + one : std::to_string(count) + " checks in a row " + many;
}

}  // namespace

health_watch::health_watch(boost::asio::io_context& io, std::size_t budget, log::logger& log, health_hook on_change)
    : io_(io),
      log_(log),
      on_change_(std::move(on_change)),
      schedule_(budget),
      due_(io),
      patience_(io),
      random_(std::random_device{}()) {}

void health_watch::follow(const snapshot& routes) {
  std::set<id> there;
  for (const service_view& view : routes) {
    const health_config& settings = view.object->settings.health;
    if (settings.check == health_check::none) continue;
    auto& prober = probers_[view.object.get()];
    if (!prober) prober = std::make_unique<connect::health_prober>(io_, settings);
    for (const member& one : view.members) {
      id& which = ids_[{view.object.get(), one.object.get()}];
      if (which == 0) {
        which = ++last_id_;
        checked_.emplace(
            which, checked{view.object, one.object, prober.get(), check_state(settings.rise, settings.fall), {}, 0, 0});
        schedule_.file(which, sys::monotonic_ns());
      }
      checked& known = checked_.at(which);
      // One that had no address was put off: it is time now.
      if (known.addresses.empty() && !one.addresses.empty()) schedule_.file(which, sys::monotonic_ns());
      known.addresses = one.addresses;
      there.insert(which);
    }
  }
  for (auto at = ids_.begin(); at != ids_.end();) {
    if (there.contains(at->second)) {
      ++at;
      continue;
    }
    checked_.at(at->second).object->state.set_up(true);
    schedule_.remove(at->second);
    checked_.erase(at->second);
    first_result(at->second);
    at = ids_.erase(at);
  }
  if (started_) run_due();
}

void health_watch::start(std::function<void()> on_first_results) {
  started_ = true;
  for (const auto& [which, one] : checked_) unchecked_.insert(which);
  if (unchecked_.empty()) {
    on_first_results();
    return;
  }
  on_first_results_ = std::move(on_first_results);
  patience_.expires_after(longest_first_round);
  patience_.async_wait([this](const boost::system::error_code& error) {
    if (error || !on_first_results_) return;
    unchecked_.clear();
    std::exchange(on_first_results_, nullptr)();
  });
  run_due();
}

void health_watch::stop() {
  started_ = false;
  on_first_results_ = nullptr;
  due_.cancel();
  patience_.cancel();
}

void health_watch::run_due() {
  while (const std::optional<id> which = schedule_.start(sys::monotonic_ns())) check(*which, checked_.at(*which));
  const std::int64_t next = schedule_.next_ns();
  if (next == connect::check_schedule::never) return;
  due_.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>(next - sys::monotonic_ns(), 0)));
  due_.async_wait([this](const boost::system::error_code& error) {
    if (!error && started_) run_due();
  });
}

void health_watch::check(id which, checked& one) {
  const health_config& settings = one.of->settings.health;
  one.started_ns = sys::monotonic_ns();
  std::optional<sys::socket_address> to;
  if (!settings.address.empty()) {
    to = sys::socket_address::from_literal(settings.address, one.object->target.ports.first);
  } else if (!one.addresses.empty()) {
    to = one.addresses[one.at % one.addresses.size()];
  }
  if (!to) {  // its name is not resolved yet: sessions leave it out anyway
    schedule_.finish(which, next_due(one));
    first_result(which);
    return;
  }
  one.prober->start(target_of(settings, *one.object, *to),
                    [this, which](const connect::health_verdict& verdict) { on_result(which, verdict); });
}

void health_watch::on_result(id which, const connect::health_verdict& verdict) {
  const auto found = checked_.find(which);
  if (found == checked_.end()) {
    schedule_.finish(which, 0);
  } else {
    checked& one = found->second;
    if (verdict.result == kind::unknown) {
      log_.message(log_level::debug, "no check of " + name_of(*one.of, *one.object) + ": " + verdict.saw);
    } else {
      if (verdict.result == kind::bad) ++one.at;
      tell(one, one.state.note(verdict.result == kind::good), verdict.saw);
    }
    schedule_.finish(which, next_due(one));
  }
  first_result(which);
  if (started_) run_due();
}

void health_watch::tell(checked& one, check_state::change change, const std::string& saw) {
  switch (change) {
    case check_state::change::none: return;
    case check_state::change::up:
      one.object->state.set_recovered(sys::monotonic_ns());
      one.object->state.set_up(true);
      log_.message(log_level::info, name_of(*one.of, *one.object) + " is up: " +
                                        in_a_row(one.state.in_a_row(), "was good", "were good") + " (" + saw + ')');
      break;
    case check_state::change::down:
      one.object->state.set_up(false);
      log_.message(log_level::warning, name_of(*one.of, *one.object) + " is down: " +
                                           in_a_row(one.state.in_a_row(), "failed", "failed") + " (" + saw + ')');
      break;
  }
  if (on_change_) on_change_(*one.of, *one.object, change == check_state::change::up);
}

void health_watch::first_result(id which) {
  if (unchecked_.erase(which) == 0 || !unchecked_.empty() || !on_first_results_) return;
  patience_.cancel();
  std::exchange(on_first_results_, nullptr)();
}

std::int64_t health_watch::next_due(const checked& one) {
  const health_config& settings = one.of->settings.health;
  const auto interval = one.state.in_doubt() ? std::min(settings.interval, settings.fast_interval) : settings.interval;
  return one.started_ns + connect::jittered(loop::nanoseconds(interval), settings.jitter, random_());
}

}  // namespace sluice::server
