#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/wait.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// Many clients of something that sends back what it is sent, in one thread. Each has a position-coded stream of its
/// own, so that a byte of another connection shows.
class crowd {
 public:
  /// Connects `n` clients. Throws if one of them can't.
  crowd(const sys::socket_address& to, std::size_t n);

  std::size_t size() const noexcept { return members_.size(); }
  /// Every client sends its next `bytes_each` and waits for them to come back, all at once. Throws at the first wrong
  /// byte, end or error, or when nothing moved for `timeout`.
  void exchange(std::uint64_t bytes_each, std::chrono::milliseconds timeout = patience);
  /// The same, by one of them.
  void exchange_one(std::size_t which, std::uint64_t bytes, std::chrono::milliseconds timeout = patience);
  /// Closes the last n.
  void leave(std::size_t n);
  int fd(std::size_t which) const noexcept { return members_[which].fd.get(); }

 private:
  struct member {
    sys::unique_fd fd;
    std::uint64_t seed = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t target = 0;
    bool done() const noexcept { return received == target; }
  };

  void connect_some(const sys::socket_address& to, std::size_t n);
  void run(std::vector<member*> active, std::chrono::milliseconds timeout);
  void send_more(member& one);
  void receive_more(member& one);

  std::vector<member> members_;
  std::vector<std::byte> buffer_;
};

}  // namespace sluice::support
