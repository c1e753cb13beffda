#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "balance/check_state.hpp"
#include "connect/health_prober.hpp"
#include "connect/health_schedule.hpp"
#include "log/logger.hpp"
#include "server/passive_watch.hpp"
#include "server/service.hpp"

namespace sluice::server {

/// Checks the backends of every service that asks for it, and tells their state what came of it. Checks are no
/// sessions: nothing counts them as traffic. Thread: the control thread's.
class health_watch {
 public:
  /// budget: checks at a time, of all services.
  health_watch(boost::asio::io_context& io, std::size_t budget, log::logger& log, health_hook on_change);

  /// Who is to be checked now, and where. Those that left are forgotten.
  void follow(const snapshot& routes);
  /// Begins to check; on_first_results runs once, when each backend of that moment was checked once, or after five
  /// seconds. At once if there is none.
  void start(std::function<void()> on_first_results);
  void stop();

 private:
  using id = connect::check_schedule::id;
  struct checked {
    std::shared_ptr<service> of;
    std::shared_ptr<backend> object;
    connect::health_prober* prober = nullptr;
    balance::check_state state;
    address_list addresses;
    std::size_t at = 0;  ///< which of them; the next one after a bad check
    std::int64_t started_ns = 0;
  };

  void run_due();
  void check(id which, checked& one);
  void on_result(id which, const connect::health_verdict& verdict);
  void tell(checked& one, balance::check_state::change change, const std::string& saw);
  void first_result(id which);
  std::int64_t next_due(const checked& one);

  boost::asio::io_context& io_;
  log::logger& log_;
  health_hook on_change_;
  connect::check_schedule schedule_;
  boost::asio::steady_timer due_;
  boost::asio::steady_timer patience_;
  std::map<const service*, std::unique_ptr<connect::health_prober>> probers_;
  std::map<std::pair<const service*, const backend*>, id> ids_;
  std::map<id, checked> checked_;
  id last_id_ = 0;
  bool started_ = false;
  std::set<id> unchecked_;  ///< those that on_first_results_ waits for
  std::function<void()> on_first_results_;
  std::mt19937_64 random_;
};

}  // namespace sluice::server
