#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "log/logger.hpp"
#include "server/early_ends.hpp"
#include "server/service.hpp"

namespace sluice::server {

class worker;

/// Why a backend gets no more sessions.
enum class leave_reason : std::uint8_t {
  down,     ///< its health checks say so
  removed,  ///< it is no longer configured, in DNS or in the file
};

/// What becomes of living sessions when their backend leaves, and when one comes that could take some of them: service
/// keys when_backend_down, when_backend_removed, leaving and rebalance. Workers, services and backends outlive it.
/// Thread: the control thread's.
class session_care {
 public:
  session_care(const std::vector<std::unique_ptr<worker>>& workers, log::logger& log) : workers_(workers), log_(log) {}

  /// Once workers have been told not to choose it any more.
  void backend_left(service& of, backend& who, leave_reason why);
  /// It has recovered, or is a new one (not at the start of the program): sessions of its own that were to end and have
  /// not yet are kept, and those of the overloaded may be spread anew. Once workers may choose it.
  void backend_joined(service& of, backend& who);
  /// The program drains: nothing is rebalanced any more.
  void stop_rebalancing();

 private:
  const std::vector<std::unique_ptr<worker>>& workers_;
  log::logger& log_;
  std::map<const backend*, std::shared_ptr<closing>> closings_;          ///< the last of each
  std::map<const service*, std::shared_ptr<rebalancing>> rebalancings_;  ///< the last of each
  bool stopped_ = false;
};

}  // namespace sluice::server
