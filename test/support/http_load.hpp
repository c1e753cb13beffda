#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/wait.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// What became of one GET of an HTTP client.
struct http_exchange {
  using clock = std::chrono::steady_clock;

  clock::time_point begun;
  clock::time_point ended;
  std::string body;     ///< of the answer; a name, where servers answer with theirs
  std::string problem;  ///< why there is no whole answer 200; empty if there is one

  bool served() const noexcept { return problem.empty(); }
  double ms() const noexcept { return std::chrono::duration<double, std::milli>(ended - begun).count(); }
};

struct http_load_settings {
  std::size_t closing_clients = 3;  ///< a connection for each request
  std::size_t keeping_clients = 3;  ///< up to eight requests over each connection
  std::chrono::milliseconds pause{5};
  std::chrono::milliseconds timeout = patience;
};

/// Clients of an HTTP server, each a thread that asks for "/" again and again, until they are stopped. Where a kept
/// connection turns out to be gone they ask once more on a new one, as browsers do.
class http_load {
 public:
  using clock = http_exchange::clock;

  explicit http_load(const std::string& address, const http_load_settings& settings = {});
  http_load(const http_load&) = delete;
  http_load& operator=(const http_load&) = delete;
  ~http_load() { stop(); }

  /// Waits for the requests under way.
  void stop();

  /// Connections that were made.
  std::size_t connections() const noexcept { return connections_; }
  /// All so far.
  std::vector<http_exchange> exchanges() const;
  template <typename Predicate>
  std::size_t count(Predicate&& is_meant) const {
    const std::lock_guard held(mutex_);
    return static_cast<std::size_t>(std::count_if(exchanges_.begin(), exchanges_.end(), is_meant));
  }
  /// Waits until so many more requests that begin from now on were served; by this one, if it is named.
  bool wait_served(std::size_t n, const std::string& by = {}) const;

 private:
  void ask_on(bool keeps);
  http_exchange ask(sys::unique_fd& connection, bool keeps);

  const sys::socket_address to_;
  const http_load_settings settings_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> connections_{0};
  mutable std::mutex mutex_;
  std::vector<http_exchange> exchanges_;
  std::vector<std::thread> clients_;
};

/// One client's "GET path" over a connection.
struct http_answer {
  std::string body;
  std::string served_by;            ///< the header of that name
  std::string problem;              ///< as in http_exchange
  bool gone_before_answer = false;  ///< no byte of it came
  bool closes = false;              ///< the server has said that the connection ends with it
};

void http_send(int fd, const std::string& path, bool keeps);
http_answer http_receive(int fd, std::chrono::milliseconds timeout = patience);

}  // namespace sluice::support
