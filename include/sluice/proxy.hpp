#pragma once

#include <functional>
#include <memory>

#include "sluice/config.hpp"
#include "sluice/error.hpp"
#include "sluice/stats.hpp"

namespace sluice {

/// The program without its command line: listeners, workers, relays, log, signals and sd_notify.
///
/// One proxy a process, because signals and the descriptor limit are the process's.
class proxy {
 public:
  /// Takes the descriptors of socket activation (LISTEN_FDS), raises the descriptor limit, binds every listener (all or
  /// none) and starts the workers; nothing is accepted before run(). Throws startup_error.
  explicit proxy(const config& settings);
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  /// Serves until SIGTERM, SIGINT or stop(), then drains. Blocks the caller, who becomes the control thread.
  /// on_ready is called once, when clients are being accepted.
  /// Returns done, or cut if sessions were reset to end.
  exit_code run(const std::function<void()>& on_ready = {});

  /// As SIGTERM does; called again, as a second signal does. Thread: any.
  void stop();

  /// Thread: any, while the proxy lives.
  sluice::stats stats() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sluice
