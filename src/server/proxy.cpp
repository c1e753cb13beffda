#include "sluice/proxy.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "server/backend_watch.hpp"
#include "server/drain.hpp"
#include "server/manager_status.hpp"
#include "server/open_listeners.hpp"
#include "server/watchdog.hpp"
#include "server/worker.hpp"
#include "sys/activation.hpp"
#include "sys/limits.hpp"
#include "sys/pipe.hpp"

namespace sluice {
namespace {

using server::commons;
using server::snapshot;
using server::worker;

std::size_t worker_count(const config& settings) {
  return settings.limits.workers ? *settings.limits.workers : sys::usable_processors();
}

/// The access log is information: a quieter level turns it off.
log_config log_settings(const config& settings) {
  log_config result = settings.log;
  result.access = result.access && result.level <= log_level::info;
  return result;
}

/// What this process may hold, computed once at start.
struct capacity {
  relay::pipe_budget pipes;    ///< of one worker
  std::uint32_t sessions = 0;  ///< of all
  std::uint32_t spares = 0;    ///< of all; 0: none are wanted
};

/// Divides the descriptors, and the memory of a container. Throws if they are too few for the max_connections asked
/// for, rather than running out of them later.
capacity make_capacity(const config& settings, const server::open_listeners& listening, std::size_t workers,
                       std::size_t descriptors) {
  std::size_t sockets = 0;
  for (const auto& door : listening.doors) sockets += door.sockets.size();
  if (std::any_of(settings.services.begin(), settings.services.end(),
                  [](const service_config& one) { return one.health.check != health_check::none; }))
    sockets += settings.limits.checks;
  capacity result;
  for (const service_config& one : settings.services)
    result.spares += one.warm * static_cast<std::uint32_t>(one.backends.size());
  if (result.spares > descriptors / 2)
    throw startup_error("warm asks for " + std::to_string(result.spares) + " spare connections, but " +
                            std::to_string(descriptors) +
                            " descriptors are allowed, of which they may have half; raise LimitNOFILE or `ulimit -n`, "
                            "or lower warm",
                        exit_code::failed);
  sockets += result.spares;
  result.pipes = relay::make_pipe_budget(sys::read_pipe_limits(), descriptors, workers);
  result.sessions = accept::connection_cap(descriptors, sockets, result.pipes.pipes * workers, workers);
  const auto& asked = settings.limits.max_connections;
  if (asked && *asked > result.sessions)
    throw startup_error("limits.max_connections = " + std::to_string(*asked) + ", but the " +
                            std::to_string(descriptors) + " descriptors allowed are enough for " +
                            std::to_string(result.sessions) + "; raise LimitNOFILE or `ulimit -n`, or lower the limit",
                        exit_code::failed);
  const std::optional<std::uint64_t> memory = sys::memory_limit();
  if (asked) {
    result.sessions = *asked;
  } else if (memory) {
    result.sessions = std::min(result.sessions, accept::connection_cap_of_memory(*memory));
  }
  return result;
}

/// What the log says of backlogs that the kernel cuts; empty if it cuts none.
std::string cut_backlogs(const config& settings) {
  std::uint32_t largest = 0;
  for (const service_config& one : settings.services) largest = std::max(largest, one.backlog);
  const auto most = sys::read_backlog_cap();
  if (!most || largest <= *most) return {};
  return "backlog = " + std::to_string(largest) + " is cut to " + std::to_string(*most) +
         " by net.core.somaxconn; raise that by sysctl, or lower backlog";
}

bool still_listens(const std::unique_ptr<worker>& one) { return one->listening(); }

/// What moved, for the last line of the log.
std::string totals(const stats& sum) {
  std::uint64_t fallbacks = 0;
  for (const std::uint64_t of_reason : sum.relay.fallbacks) fallbacks += of_reason;
  std::string text;
  const auto add = [&](std::string_view name, std::uint64_t value) {
    if (!text.empty()) text += ' ';
    text.append(name).append("=").append(std::to_string(value));
  };
  add("sessions", sum.accepted);
  add("cut", sum.closed[static_cast<std::size_t>(close_reason::drained)]);
  add("rejected", sum.rejected);
  add("spares_used", sum.spares_used);
  add("received", sum.received_from_clients);
  add("sent", sum.sent_to_clients);
  add("spliced", sum.relay.bytes_spliced);
  add("copied", sum.relay.bytes_copied);
  add("fallbacks", fallbacks);
  add("pipes_in_use", sum.relay.pipes_in_use);
  add("pipes_killed", sum.relay.pipes_killed);
  add("lost_edges", sum.relay.lost_edges);
  add("log_dropped", sum.log_dropped);
  return text;
}

}  // namespace

class proxy::impl {
 public:
  explicit impl(const config& settings);
  ~impl();

  exit_code run(const std::function<void()>& on_ready);
  void stop() {
    boost::asio::post(control_, [this] { drain_.request(); });
  }
  sluice::stats stats() const;

 private:
  void run_control();
  void open_the_doors(const std::function<void()>& on_ready);
  void wait_for_signals();
  void stop_accepting();
  void end(exit_code code);
  std::string summary() const;

  // First: what the program opens itself must not be taken for what was passed.
  sys::passed_descriptors passed_;
  const config settings_;
  const std::size_t workers_;
  // From here on a signal waits for run(), and there are descriptors for every listener.
  boost::asio::io_context control_{1};
  boost::asio::signal_set signals_;
  const std::size_t descriptors_;
  std::shared_ptr<const snapshot> routes_;
  server::open_listeners listening_;
  const capacity capacity_;
  log::logger log_;
  commons shared_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  server::backend_watch backends_;
  server::manager_status status_;
  server::drain drain_;
  server::watchdog watchdog_;
  bool open_ = false;  ///< it has begun to serve
  exit_code result_ = exit_code::done;
};

proxy::impl::impl(const config& settings)
    : passed_(sys::take_passed_descriptors()),
      settings_(settings),
      workers_(worker_count(settings)),
      signals_(control_, SIGTERM, SIGINT, SIGHUP),
      descriptors_(static_cast<std::size_t>(sys::raise_descriptor_limit())),
      routes_(server::make_routes(settings)),
      listening_(server::open_all(settings, *routes_, workers_, std::move(passed_))),
      capacity_(make_capacity(settings, listening_, workers_, descriptors_)),
      log_(log_settings(settings), workers_),
      shared_{accept::admission(capacity_.sessions),
              listening_.entrances,
              capacity_.pipes,
              sys::read_local_ports(),
              log_settings(settings).access,
              log_,
              {},
              {0},
              accept::admission(capacity_.spares)},
      work_(control_.get_executor()),
      backends_(control_, settings_, routes_, shared_),
      status_(control_, [this] { return shared_.sessions.in_use(); }),
      drain_(control_, settings.drain,
             {[this] {
                backends_.stop_rebalancing();
                status_.stopping(settings_.drain.grace + settings_.drain.timeout);
              },
              [this] { stop_accepting(); },
              [this] { return std::any_of(shared_.workers.begin(), shared_.workers.end(), still_listens); },
              [this] {
                for (const auto& one : shared_.workers) one->cut_sessions();
              },
              [this] { return shared_.sessions.in_use(); }, [this](exit_code code) { end(code); }}),
      watchdog_(control_, shared_.workers, listening_, log_) {
  // splice, tee and write to a socket that is gone raise it, and there is no MSG_NOSIGNAL for them.
  std::signal(SIGPIPE, SIG_IGN);
  // PID 1 of a container inherits orphans; where the signal is ignored the kernel reaps them.
  if (::getpid() == 1) std::signal(SIGCHLD, SIG_IGN);
  for (std::size_t i = 0; i < workers_; ++i) shared_.workers.push_back(std::make_unique<worker>(i, shared_));
  wait_for_signals();
}

proxy::impl::~impl() {
  for (const auto& one : shared_.workers) one->stop_and_join();
}

exit_code proxy::impl::run(const std::function<void()>& on_ready) {
  for (const auto& one : shared_.workers) {
    one->publish(routes_);
    one->start();
  }
  for (const std::string& line : listening_.warnings) log_.message(log_level::warning, line);
  backends_.start([this, &on_ready] { open_the_doors(on_ready); });
  run_control();
  for (const auto& one : shared_.workers) one->stop_and_join();
  log_.message(log_level::info, "stopped: " + totals(stats()));
  return result_;
}

/// Once it serves, a handler for which there is no memory is given up, and nothing else: what comes again has been
/// asked for anew before it runs.
void proxy::impl::run_control() {
  while (true) {
    try {
      control_.run();
      return;
    } catch (const std::bad_alloc&) {
      if (!open_) throw;
    }
  }
}

void proxy::impl::open_the_doors(const std::function<void()>& on_ready) {
  if (drain_.has_begun()) return;
  for (std::uint32_t tag = 0; tag < listening_.doors.size(); ++tag) {
    const auto& sockets = listening_.doors[tag].sockets;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      const std::size_t owner = server::worker_of(tag, i, workers_);
      shared_.workers[owner]->listen(sockets[i], tag, owner);
    }
  }
  if (const std::string cut = cut_backlogs(settings_); !cut.empty()) log_.message(log_level::warning, cut);
  log_.message(log_level::info, "ready: " + summary());
  status_.ready(summary(), shared_.entrances.size());
  watchdog_.start();
  open_ = true;
  if (on_ready) on_ready();
}

void proxy::impl::wait_for_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    wait_for_signals();
    if (number == SIGHUP) {
      log_.message(log_level::warning, "SIGHUP ignored: restart sluice to read a changed configuration");
    } else {
      log_.message(log_level::info, std::string(number == SIGTERM ? "SIGTERM" : "SIGINT") +
                                        (drain_.has_begun() ? ": resetting what is left" : ": draining"));
      drain_.request();
    }
  });
}

void proxy::impl::stop_accepting() {
  if (settings_.drain.grace.count() > 0) status_.stopping(settings_.drain.timeout);
  log_.message(log_level::info,
               "no longer accepting; " + server::count_of(shared_.sessions.in_use(), "session") + " left");
  listening_.doors.clear();  // first: the workers close what they have emptied
  for (const auto& one : shared_.workers) one->stop_listening();
  listening_.paths.clear();
}

void proxy::impl::end(exit_code code) {
  result_ = code;
  watchdog_.stop();
  status_.stop();
  backends_.stop();
  control_.stop();
}

std::string proxy::impl::summary() const {
  using server::count_of;
  return count_of(settings_.services.size(), "service") + ", " + count_of(shared_.entrances.size(), "listener") + ", " +
         count_of(workers_, "worker") + ", room for " + count_of(capacity_.sessions, "session");
}

sluice::stats proxy::impl::stats() const {
  sluice::stats sum;
  for (const auto& one : shared_.workers) std::as_const(*one).counts().add_to(sum);
  for (const server::service_view& one : *routes_) sum.waiting += one.object->queue.depth();
  sum.log_dropped = log_.dropped();
  return sum;
}

proxy::proxy(const config& settings) try : impl_(std::make_unique<impl>(settings)) {
} catch (const startup_error&) {
  throw;
} catch (const std::exception& error) {
  throw startup_error(error.what(), exit_code::failed);
}

proxy::~proxy() = default;

exit_code proxy::run(const std::function<void()>& on_ready) { return impl_->run(on_ready); }

void proxy::stop() { impl_->stop(); }

sluice::stats proxy::stats() const { return impl_->stats(); }

}  // namespace sluice
