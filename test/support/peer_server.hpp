#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@name" as a mapping has them. Throws if it is none.
sys::socket_address parse_address(const std::string& text);

/// A backend that treats every connection alike, each of its threads one connection at a time.
class peer_server {
 public:
  /// What it throws is a problem of the test, kept for check().
  using handler = std::function<void(sys::unique_fd connection)>;

  peer_server(listening_socket where, handler treat, std::size_t threads = 1);
  explicit peer_server(handler treat, std::size_t threads = 1) : peer_server(listen_tcp(), std::move(treat), threads) {}
  peer_server(const peer_server&) = delete;
  peer_server& operator=(const peer_server&) = delete;
  ~peer_server();

  /// As a mapping wants it.
  std::string address() const { return to_string(where_.address); }
  /// Connections that were accepted, and those whose treatment has ended.
  std::size_t accepted() const noexcept { return accepted_; }
  std::size_t treated() const noexcept { return treated_; }
  /// CHECKs that no treatment has thrown.
  void check() const;

 private:
  void serve();

  listening_socket where_;
  handler treat_;
  sys::unique_fd stop_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> treated_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> problems_;
  std::vector<std::thread> threads_;
};

/// Answers a first byte with the letter, and ends.
peer_server::handler answer_with(const std::string& letter);

/// What a client that sends a byte gets: the first byte, or nothing if its session ends without one.
std::string first_answer(const std::string& front);

/// Sends back what it is sent, and an end of file for an end of file.
void echo(int fd, std::chrono::milliseconds timeout = patience);

}  // namespace sluice::support
