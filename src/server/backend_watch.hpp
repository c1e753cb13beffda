#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "server/departed.hpp"
#include "server/discovery.hpp"
#include "server/health_watch.hpp"
#include "server/passive_watch.hpp"
#include "server/session_care.hpp"
#include "server/worker.hpp"

namespace sluice::server {

/// Who the backends are and how they are: what DNS, files, checks and sessions tell of them reaches everybody whom it
/// concerns. Thread: the control thread's.
class backend_watch {
 public:
  /// settings outlives it. Throws std::runtime_error if the resolver can't start.
  backend_watch(boost::asio::io_context& io, const config& settings, std::shared_ptr<const snapshot> routes,
                commons& shared);

  /// on_first_answers runs once, when names are resolved and each backend was checked once.
  void start(std::function<void()> on_first_answers);
  void stop_rebalancing() { care_.stop_rebalancing(); }
  void stop();

 private:
  void publish(const std::shared_ptr<const snapshot>& routes);
  void checked(service& of, backend& one, bool up);
  void judged(service& of, backend& one, bool up);
  void left(service& of, backend& one);

  commons& shared_;
  std::shared_ptr<const snapshot> first_routes_;
  session_care care_;
  departed_backends departed_;
  passive_watch passive_;
  health_watch checks_;
  discovery discovery_;
};

}  // namespace sluice::server
