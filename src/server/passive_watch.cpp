#include "server/passive_watch.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <tuple>
#include <utility>

#include <boost/asio/post.hpp>

#include "sys/clock.hpp"

namespace sluice::server {
namespace {

using reason = balance::session_signs::reason;

std::string in_a_row(std::uint32_t count, const char* what, const char* did) {
  if (count == 1) return std::string("a ") + what + ' ' + did;
  return std::to_string(count) + ' ' + what + "s in a row " + did;
}

std::string term_of(std::int64_t ns) {
  const std::int64_t ms = ns / 1'000'000;
  return ms % 1'000 == 0 ? std::to_string(ms / 1'000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

std::string name_of(const service& of, const backend& one) { return "backend " + one.name + " of " + of.name; }

passive_watch::passive_watch(boost::asio::io_context& io, log::logger& log, health_hook on_change)
    : io_(io), log_(log), on_change_(std::move(on_change)) {}

void passive_watch::follow(const snapshot& routes) {
  for (const service_view& view : routes) {
    if (!view.object->settings.passive.is_on()) continue;
    const auto [place, is_new] =
        services_.try_emplace(view.object.get(), io_, view.object);  // constructed in place: timers do not move
    watched& all = place->second;
    std::map<const backend*, record> now;
    for (const member& one : view.members) {
      auto known = all.records.extract(one.object.get());
      if (known)
        now.insert(std::move(known));
      else
        now.try_emplace(one.object.get(), record{one.object, balance::ejection(one.object->state.signs.totals())});
    }
    for (const auto& [gone, left] : all.records) {
      left.object->state.signs.readmit();
      left.object->state.signs.trust();
      left.object->state.signs.let_go();
    }
    all.records = std::move(now);
    if (is_new) wait_for_interval(all);
  }
}

void passive_watch::note(backend& one) noexcept {
  try {
    boost::asio::post(io_, [this, &one] { look_at(&one); });
  } catch (const std::bad_alloc&) {
    one.state.signs.let_go();
  }
}

std::pair<passive_watch::watched*, passive_watch::record*> passive_watch::find(const backend* one) {
  for (auto& [of, all] : services_) {
    const auto found = all.records.find(one);
    if (found != all.records.end()) return {&all, &found->second};
  }
  return {nullptr, nullptr};
}

void passive_watch::look_at(const backend* which) {
  const auto [all, one] = find(which);
  if (one == nullptr) return;
  const balance::session_signs& signs = one->object->state.signs;
  if (one->ejection.is_out()) {
    if (!signs.is_doubted()) readmit(*all, *one, "a session went well");
    return;
  }
  const balance::session_signs::suspicion of = signs.suspected();
  switch (of.why) {
    case reason::connect_failures: eject(*all, *one, of.why, in_a_row(of.in_a_row, "connect", "failed")); break;
    case reason::empty_sessions:
      eject(*all, *one, of.why, in_a_row(of.in_a_row, "session", "ended without an answer"));
      break;
    case reason::failed_share:
    case reason::none: break;
  }
}

/// A backend that there is no room to eject stays suspected, and quiet, until the next interval.
void passive_watch::eject(watched& all, record& one, reason why, const std::string& text) {
  const passive_config& rules = all.object->settings.passive;
  const auto out = static_cast<std::size_t>(std::count_if(
      all.records.begin(), all.records.end(), [](const auto& each) { return each.second.ejection.is_out(); }));
  if (out >= balance::most_ejected(rules, all.records.size())) return;
  const std::int64_t now = sys::monotonic_ns();
  const std::int64_t until = one.ejection.begin(rules, now);
  one.object->state.signs.eject(why, now);
  log_.message(log_level::warning,
               name_of(*all.object, *one.object) + " is ejected for " + term_of(until - now) + ": " + text);
  wait_for_returns(all);
  if (on_change_) on_change_(*all.object, *one.object, false);
}

void passive_watch::readmit(watched& all, record& one, const std::string& why) {
  one.ejection.end();
  one.object->state.set_recovered(sys::monotonic_ns());
  one.object->state.signs.readmit();
  log_.message(log_level::info, name_of(*all.object, *one.object) + " is back: " + why);
  for (auto& [each, other] : all.records) other.object->state.signs.let_go();  // there is room to eject again
  wait_for_returns(all);
  if (on_change_) on_change_(*all.object, *one.object, true);
}

void passive_watch::found_up(backend& which) {
  const auto [all, one] = find(&which);
  if (one == nullptr) return;
  which.state.signs.trust();
  if (one->ejection.is_out()) readmit(*all, *one, "a check found it up");
}

void passive_watch::wait_for_interval(watched& all) {
  const passive_config& rules = all.object->settings.passive;
  all.interval.expires_after(rules.interval);
  all.interval.async_wait([this, &all, &rules](const boost::system::error_code& error) {
    if (error) return;
    wait_for_interval(all);
    for (auto& [each, one] : all.records) {
      balance::session_signs& signs = one.object->state.signs;
      signs.let_go();
      if (one.ejection.interval_over(rules, signs.totals()))
        eject(all, one, reason::failed_share,
              "at least " + std::to_string(rules.failed_share) + " % of its last sessions failed");
    }
  });
}

void passive_watch::wait_for_returns(watched& all) {
  std::int64_t next = balance::ejection::never;
  for (const auto& [each, one] : all.records) next = std::min(next, one.ejection.until_ns());
  all.return_of_next.cancel();
  if (next == balance::ejection::never) return;
  all.return_of_next.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>(next - sys::monotonic_ns(), 0)));
  all.return_of_next.async_wait([this, &all](const boost::system::error_code& error) {
    if (error) return;
    const std::int64_t now = sys::monotonic_ns();
    for (auto& [each, one] : all.records) {
      if (one.ejection.until_ns() <= now) readmit(all, one, "its time is over");
    }
    wait_for_returns(all);
  });
}

void passive_watch::stop() {
  for (auto& [of, all] : services_) {
    all.interval.cancel();
    all.return_of_next.cancel();
  }
}

}  // namespace sluice::server
