#include "server/backend_watch.hpp"

#include <string>
#include <utility>

namespace sluice::server {

backend_watch::backend_watch(boost::asio::io_context& io, const config& settings,
                             std::shared_ptr<const snapshot> routes, commons& shared)
    : shared_(shared),
      first_routes_(std::move(routes)),
      care_(shared.workers, shared.log),
      departed_(io, shared),
      passive_(io, shared.log, [this](service& of, backend& one, bool up) { judged(of, one, up); }),
      checks_(io, settings.limits.checks, shared.log,
              [this](service& of, backend& one, bool up) { checked(of, one, up); }),
      discovery_(io, settings, first_routes_, shared.log,
                 {[this](const std::shared_ptr<const snapshot>& now) { publish(now); },
                  [this](service& of, backend& one) { care_.backend_joined(of, one); },
                  [this](service& of, backend& one) { left(of, one); }}) {
  shared.on_signs = [this](backend& one) { passive_.note(one); };
}

void backend_watch::start(std::function<void()> on_first_answers) {
  passive_.follow(*first_routes_);
  checks_.follow(*first_routes_);
  first_routes_.reset();
  discovery_.start([this, then = std::move(on_first_answers)] { checks_.start(then); });
}

void backend_watch::stop() {
  checks_.stop();
  passive_.stop();
}

void backend_watch::publish(const std::shared_ptr<const snapshot>& routes) {
  for (const auto& one : shared_.workers) one->publish(routes);
  passive_.follow(*routes);
  checks_.follow(*routes);
}

/// A check found it to have come up, or gone down.
void backend_watch::checked(service& of, backend& one, bool up) {
  if (up) {
    passive_.found_up(one);
    of.backend_is_back();
    care_.backend_joined(of, one);
  } else {
    of.backend_is_gone();
    care_.backend_left(of, one, leave_reason::down);
  }
}

/// Its sessions were such that it is left alone for a while, or that is over. Those that it has go on: they may do
/// well.
void backend_watch::judged(service& of, backend& one, bool up) {
  if (up) {
    of.backend_is_back();
    care_.backend_joined(of, one);
  } else {
    of.backend_is_gone();
  }
}

void backend_watch::left(service& of, backend& one) {
  departed_.note(of, one);
  shared_.log.message(log_level::info, "backend " + one.name + " left service " + of.name);
  care_.backend_left(of, one, leave_reason::removed);
}

}  // namespace sluice::server
