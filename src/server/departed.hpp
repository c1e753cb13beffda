#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/service.hpp"
#include "server/worker.hpp"

namespace sluice::server {

/// When a backend that left is forgotten.
struct memory_rules {
  std::chrono::milliseconds keep{600'000};  ///< it may come back, and is then the same with its counts
  std::chrono::milliseconds look{30'000};
};

/// Frees backends that left their service long ago: where names come and go they would gather without end.
///
/// A session points at its backend without owning it, and a log record at its name. So one is freed only when nobody
/// can:
/// 1. Nobody but its service owns it: it is in no snapshot, neither of a worker nor of a session that sets up (which
///    keeps the one it chose from). It leaves the service's map, so that nobody comes to it any more.
/// 2. Every worker has then passed between two messages, which makes its counts known here, and it has no session.
/// 3. Every worker has passed once more: a session that was just ending has pushed its record.
/// 4. The log has written all that was pushed until then.
/// Thread: the control thread's; its io_context runs no more after the end of this.
class departed_backends {
 public:
  departed_backends(boost::asio::io_context& io, commons& shared, const memory_rules& rules = {});
  departed_backends(const departed_backends&) = delete;
  departed_backends& operator=(const departed_backends&) = delete;

  /// one has left the service, which outlives this. If it comes back, and leaves again, that counts.
  void note(service& of, const backend& one);

 private:
  using clock = std::chrono::steady_clock;
  struct entry {
    service* of;
    backend* one;
  };

  void look_later();
  void look();
  void collect();
  void pass_workers(void (departed_backends::*then)());
  void sort_out();
  void wait_for_log();

  boost::asio::io_context& io_;
  commons& shared_;
  const memory_rules rules_;
  boost::asio::steady_timer timer_;
  bool is_waiting_ = false;                                             ///< for the timer
  std::map<std::pair<service*, std::string>, clock::time_point> left_;  ///< and may have come back
  std::vector<entry> leaving_;                                          ///< out of their maps
  std::vector<entry> idle_;                                             ///< without a session, too
  bool is_passing_ = false;                                             ///< the workers are
  std::vector<std::uint64_t> marks_;                                    ///< of the log; empty: not yet taken
};

}  // namespace sluice::server
