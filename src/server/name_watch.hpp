#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>

#include "connect/resolver.hpp"
#include "log/logger.hpp"
#include "server/service.hpp"

namespace sluice::server {

/// The routes of a proxy, kept current as names are resolved again: every change makes a new snapshot.
/// Thread: the control thread's.
class name_watch {
 public:
  using publisher = std::function<void(std::shared_ptr<const snapshot>)>;

  /// publish gets the new snapshot after every change. Throws std::runtime_error if the resolver can't start.
  name_watch(boost::asio::io_context& io, const dns_config& settings, std::shared_ptr<const snapshot> routes,
             log::logger& log, publisher publish);

  /// Begins the look-ups; on_first_answers runs once, when every name was answered (or failed) for the first time. At
  /// once if there is no name.
  void start(std::function<void()> on_first_answers);

 private:
  void on_answer(const connect::resolution& answer);

  boost::asio::io_context& io_;
  dns_config settings_;
  std::shared_ptr<const snapshot> routes_;
  log::logger& log_;
  publisher publish_;
  std::set<std::string> unanswered_;
  std::function<void()> on_first_answers_;
  std::unique_ptr<connect::resolver> resolver_;  ///< none if no backend has a name
};

/// The routes of a configuration before any name is resolved: literals and unix paths have their address.
std::shared_ptr<const snapshot> make_routes(const config& settings);

}  // namespace sluice::server
