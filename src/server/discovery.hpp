#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "config/loop_finder.hpp"
#include "connect/resolver.hpp"
#include "log/logger.hpp"
#include "server/file_watch.hpp"
#include "server/roster.hpp"
#include "server/service.hpp"

namespace sluice::server {

/// Keeps the routes of a proxy current, as names are resolved again and backends_files change: every change makes a new
/// snapshot. Nothing that fails takes a backend away. Thread: the control thread's.
class discovery {
 public:
  struct listeners {
    /// Gets the new snapshot after every change.
    std::function<void(std::shared_ptr<const snapshot>)> publish;
    /// After that, for each backend that a service did not have before, unless it is one of the first.
    std::function<void(service&, backend&)> on_joined;
    /// For each backend that the service no longer has.
    std::function<void(service&, backend&)> on_left;
  };

  /// settings outlives it. Throws std::runtime_error if the resolver can't start.
  discovery(boost::asio::io_context& io, const config& settings, std::shared_ptr<const snapshot> routes,
            log::logger& log, listeners tell);

  /// Begins the look-ups; on_first_answers runs once, when every name was answered (or failed) for the first time. At
  /// once if there is no name.
  void start(std::function<void()> on_first_answers);

 private:
  /// Where the members of one service come from.
  struct origin {
    std::vector<backend_config> lines;
    std::unique_ptr<file_watch> file;  ///< none without a backends_file
    std::size_t digest = 0;            ///< of the file's last text
    bool is_missing = false;           ///< the file is, and that was said
  };

  void follow_names();
  template <typename Answer>
  void on_answer(const std::string& line, const Answer& answer, std::map<std::string, Answer>& known);
  bool is_answered(const origin& one) const;
  void on_file(std::size_t at);
  void rebuild();
  conf::loop_finder find_loops_of_literals() const;
  std::vector<member> members_of(std::size_t at, conf::loop_finder& loops, std::set<std::string>& refused) const;
  void tell_changes(const snapshot& before) const;
  void report_trouble(const std::string& text) const { log_.message(log_level::warning, text); }

  const config& settings_;
  std::shared_ptr<const snapshot> routes_;
  log::logger& log_;
  listeners tell_;
  std::function<void()> on_first_answers_;
  dns_answers answers_;
  conf::loop_finder loops_of_literals_;                        ///< knows the backends that are no names
  std::set<std::string> refused_;                              ///< addresses that mean sluice itself, as the log has it
  std::vector<origin> origins_;                                ///< by service
  std::map<std::string, connect::resolver::ticket> followed_;  ///< by name as targets have it: "a.b", "srv+_x._tcp.b"
  std::unique_ptr<connect::resolver> resolver_;                ///< none if no backend can have a name
  boost::asio::io_context& io_;
};

}  // namespace sluice::server
