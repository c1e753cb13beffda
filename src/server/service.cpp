#include "server/service.hpp"

namespace sluice::server {
namespace {

loop::time_ns nanoseconds(std::chrono::milliseconds limit) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(limit).count();
}

relay::relay_settings relay_settings_of(const service_config& settings) noexcept {
  relay::relay_settings result;
  result.idle = nanoseconds(settings.timeouts.idle);
  result.half_close = nanoseconds(settings.timeouts.half_close);
  result.reset_linger = nanoseconds(settings.timeouts.reset_linger);
  result.backend_buffer_limit = settings.backend_side.buffer_limit;
  return result;
}

sys::side_options side_options_of(const socket_config& side) noexcept {
  return {side.nodelay, side.keepalive, side.user_timeout, side.buffer_limit};
}

}  // namespace

backend::backend(const backend_config& settings)
    : name(to_string(settings.target)), target(settings.target), weight(settings.weight) {}

service::service(const service_config& config)
    : name(config.name),
      settings(config),
      relaying(relay_settings_of(config)),
      client_options(side_options_of(config.client)),
      backend_options(side_options_of(config.backend_side)),
      sessions(config.max_connections) {
  for (const backend_config& one : config.backends) backends.push_back(std::make_unique<backend>(one));
}

std::uint16_t target_port(const address& target, std::uint32_t port_offset) noexcept {
  const std::uint32_t offset = target.ports.size() > 1 ? port_offset : 0;
  return static_cast<std::uint16_t>(target.ports.first + offset);
}

}  // namespace sluice::server
