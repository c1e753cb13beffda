#include "server/service.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sluice/error.hpp"

#include "balance/random_source.hpp"

namespace sluice::server {
namespace {

relay::relay_settings relay_settings_of(const service_config& settings) noexcept {
  relay::relay_settings result;
  result.idle = loop::nanoseconds(settings.timeouts.idle);
  result.half_close = loop::nanoseconds(settings.timeouts.half_close);
  result.reset_linger = loop::nanoseconds(settings.timeouts.reset_linger);
  result.backend_buffer_limit = settings.backend_side.buffer_limit;
  return result;
}

sys::open_file open_reply(const service_config& settings) {
  if (settings.reply_file.empty()) return {};
  sys::open_file file = sys::open_regular_file(settings.reply_file);
  if (file.error != 0)
    throw startup_error("service " + settings.name + ": cannot open reply.file " + settings.reply_file + ": " +
                            std::strerror(file.error),
                        exit_code::bad_config);
  return file;
}

bool may_ever_queue(const service_config& settings) {
  // What a file says may change while sluice runs.
  return settings.when_down == down_action::wait || !settings.backends_file.empty() ||
         std::any_of(settings.backends.begin(), settings.backends.end(),
                     [](const backend_config& one) { return one.max_connections != 0; });
}

sys::side_options side_options_of(const socket_config& side) noexcept {
  return {side.nodelay,      side.keepalive,          side.user_timeout,
          side.buffer_limit, side.keepalive_interval, side.keepalive_count};
}

}  // namespace

service::service(const service_config& config)
    : name(config.name),
      settings(config),
      relaying(relay_settings_of(config)),
      client_options(side_options_of(config.client)),
      backend_options(side_options_of(config.backend_side)),
      latency_decay(config.balance == balance_policy::ewma ? loop::nanoseconds(config.ewma.decay) : 0),
      reply(open_reply(config)),
      may_queue(may_ever_queue(config)),
      sessions(config.max_connections),
      retries(config.retries.budget),
      queue(config.queue_size) {}

std::shared_ptr<backend> service::backend_of(const address& target) {
  std::shared_ptr<backend>& known = backends_[to_string(target)];
  if (!known) known = std::make_shared<backend>(target);
  return known;
}

service::lookup service::take_out(const std::string& backend_name) {
  const auto place = backends_.find(backend_name);
  if (place == backends_.end()) return {};
  const std::shared_ptr<backend>& one = place->second;
  if (one.use_count() > 1 || one->state.active() > 0) return {true, nullptr};
  taken_out_.push_back(std::move(place->second));
  backends_.erase(place);
  return {true, taken_out_.back().get()};
}

void service::free(const backend* taken_out) {
  std::erase_if(taken_out_, [&](const auto& one) { return one.get() == taken_out; });
}

std::unique_ptr<balance::chooser> service::make_chooser(const service_view& view, std::size_t worker) {
  if (!plan_ || planned_roster_ != view.roster) {
    std::vector<balance::choosable> backends;
    for (const member& one : view.members) backends.push_back({one.object->name, one.weight, one.priority, one.backup});
    plan_ = balance::plan_chooser({{settings.balance, settings.maglev},
                                   settings.priority_overflow,
                                   settings.panic,
                                   loop::nanoseconds(settings.slow_start)},
                                  backends);
    planned_roster_ = view.roster;
  }
  return std::make_unique<balance::chooser>(plan_, worker);
}

loop::time_ns service::lifetime_for(std::uint64_t chance) const noexcept {
  const loop::time_ns whole = loop::nanoseconds(settings.timeouts.lifetime);
  const double share = static_cast<double>(balance::random_source(chance).next() >> 11U) * 0x1p-53;
  const double shortened = share * settings.timeouts.lifetime_jitter / 100;
  return whole - static_cast<loop::time_ns>(static_cast<double>(whole) * shortened);
}

std::uint16_t target_port(const address& target, std::uint32_t port_offset) noexcept {
  const std::uint32_t offset = target.ports.size() > 1 ? port_offset : 0;
  return static_cast<std::uint16_t>(target.ports.first + offset);
}

}  // namespace sluice::server
