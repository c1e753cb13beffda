#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "history/history.hpp"

#include "support/peer_server.hpp"

namespace sluice::history {

/// The backends of a history: each takes sessions at an address of its own, and tells what it saw.
class history_backends {
 public:
  history_backends(session_history& into, const history_settings& all, std::size_t count);

  std::vector<sys::socket_address> addresses() const { return addresses_; }
  /// Waits until every connection that came has been treated.
  bool wait_over(std::chrono::milliseconds timeout) const;

 private:
  std::vector<sys::socket_address> addresses_;
  std::vector<std::unique_ptr<support::peer_server>> servers_;
};

/// The clients: each thread begins one session after the other, at each of `fronts` in turn, until it is told to stop,
/// nobody accepts any more or there were `most` sessions.
class history_clients {
 public:
  history_clients(session_history& into, const history_settings& all, std::vector<sys::socket_address> fronts,
                  std::uint32_t most = last_client - first_client);
  history_clients(const history_clients&) = delete;
  history_clients& operator=(const history_clients&) = delete;
  ~history_clients() { stop(); }

  /// Begins no more sessions, and waits for the end of those there are.
  void stop();
  /// Waits until `most` sessions are over.
  void wait();

 private:
  void play(session_history& into, const history_settings& all, const std::vector<sys::socket_address>& fronts);

  std::uint32_t most_;
  std::atomic<std::uint32_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

}  // namespace sluice::history
