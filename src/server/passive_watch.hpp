#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "balance/ejection.hpp"
#include "log/logger.hpp"
#include "server/service.hpp"

namespace sluice::server {

/// Told of every backend that comes into or goes out of use, by checks or by its sessions. Thread: the control
/// thread's.
using health_hook = std::function<void(service&, backend&, bool up)>;

/// Leaves backends alone for a while whose sessions fail, as the keys `passive.*` say: the judge of
/// balance::session_signs. Thread: the control thread's, but for note().
class passive_watch {
 public:
  passive_watch(boost::asio::io_context& io, log::logger& log, health_hook on_change);

  /// Who is there now. Those that left are forgotten, a later return begins anew.
  void follow(const snapshot& routes);
  /// A worker was told by a backend's signs that it is time to look. Without memory the next failure tells again.
  /// Thread: any.
  void note(backend& one) noexcept;
  /// A check found it up: that ends an ejection.
  void found_up(backend& one);
  void stop();

 private:
  struct record {
    std::shared_ptr<backend> object;
    balance::ejection ejection;
  };
  struct watched {
    watched(boost::asio::io_context& io, std::shared_ptr<service> one)
        : object(std::move(one)), interval(io), return_of_next(io) {}
    std::shared_ptr<service> object;
    std::map<const backend*, record> records;
    boost::asio::steady_timer interval;
    boost::asio::steady_timer return_of_next;
  };

  void look_at(const backend* one);
  void eject(watched& all, record& one, balance::session_signs::reason why, const std::string& text);
  void readmit(watched& all, record& one, const std::string& why);
  void wait_for_interval(watched& all);
  void wait_for_returns(watched& all);
  std::pair<watched*, record*> find(const backend* one);

  boost::asio::io_context& io_;
  log::logger& log_;
  health_hook on_change_;
  std::map<const service*, watched> services_;
};

/// "backend 10.0.0.5:80 of web".
std::string name_of(const service& of, const backend& one);

}  // namespace sluice::server
