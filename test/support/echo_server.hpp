#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// A backend for thousands of connections in one thread: sends back what it is sent, ends what its peer has ended.
class echo_server {
 public:
  explicit echo_server(listening_socket where = listen_tcp(AF_INET, 4096));
  echo_server(const echo_server&) = delete;
  echo_server& operator=(const echo_server&) = delete;
  ~echo_server();

  std::string address() const { return to_string(where_.address); }
  std::size_t accepted() const noexcept { return accepted_; }
  std::size_t open() const noexcept { return open_; }

 private:
  struct connection {
    sys::unique_fd fd;
    std::vector<std::byte> unsent;
    bool ended = false;
  };

  void serve();
  void take_in();
  /// False once the connection is over.
  bool move(connection& one);
  void wait_for(const connection& one) const;

  listening_socket where_;
  sys::unique_fd stop_;
  sys::unique_fd epoll_;
  std::map<int, connection> connections_;
  std::vector<std::byte> buffer_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> open_{0};
  std::thread thread_;
};

}  // namespace sluice::support
