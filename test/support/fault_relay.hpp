#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "support/fault_lane.hpp"
#include "support/loopback.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// A connection that a fault_relay has carried, once it is over.
struct carried {
  std::string client;           ///< its address
  std::string target;           ///< where it went
  std::uint64_t to_target = 0;  ///< bytes that came from the client
  std::uint64_t to_client = 0;  ///< bytes that were sent to it
  bool client_first = false;    ///< the first end of file was the client's
  bool cut = false;             ///< it did not end by an end of file from both sides
};

struct fault_relay_settings {
  faults to_target = {};
  faults to_client = {};
  std::uint64_t seed = 1;  ///< of everything that is left to chance
  /// A reset is passed on as an end of file: a bug, for tests of those who look for it.
  bool hides_resets = false;
  /// Connects from the address its client has (loopback knows 2^24 of them), so that a target sees who comes.
  bool keeps_client_address = false;
  std::function<void(const carried&)> on_end = {};  ///< in the relay's thread
};

/// A TCP relay in a thread of its own that does to its connections what a network does on a bad day, each direction
/// by itself. Without faults it is a plain relay: bytes, half-closes and resets pass as they come.
class fault_relay {
 public:
  fault_relay(const sys::socket_address& target, const fault_relay_settings& settings);
  fault_relay(const fault_relay&) = delete;
  fault_relay& operator=(const fault_relay&) = delete;
  /// Resets what is left: whoever waits at a black hole waits until then, unless it is reset itself.
  ~fault_relay();

  std::string address() const { return to_string(where_.address); }
  const sys::socket_address& socket_address() const noexcept { return where_.address; }
  std::size_t accepted() const noexcept { return accepted_; }
  std::size_t open() const noexcept { return open_; }

 private:
  struct connection;

  void serve();
  int wait_milliseconds(std::chrono::steady_clock::time_point now) const;
  void take_in();
  sys::unique_fd reach(const sys::socket_address& client) const;
  /// False once it is over.
  bool move(connection& one, std::chrono::steady_clock::time_point now);
  void end(connection& one);
  void watch(int fd, std::uint32_t& watched, std::uint32_t wanted, std::uint64_t id) const;

  sys::socket_address target_;
  fault_relay_settings settings_;
  listening_socket where_;
  sys::unique_fd stop_;
  sys::unique_fd epoll_;
  std::mt19937_64 random_;
  std::uint64_t next_id_ = 2;  ///< 0 is the listener, 1 the end
  std::map<std::uint64_t, std::unique_ptr<connection>> connections_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> open_{0};
  std::thread thread_;
};

}  // namespace sluice::support
