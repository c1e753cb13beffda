#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>

#include "sockets.hpp"

namespace sluice::bench::lab {

/// The threads at the other ends of the sockets under measurement. Each has a socket for its lifetime, which must
/// outlast it; destroyed before it is done, it shuts that down first.

/// Takes all that comes: throws it away in the kernel, or looks at each byte.
class taker {
 public:
  /// `again_after`: the stream repeats its first so many bytes; 0: it does not.
  taker(const unique_fd& socket, bool verify, std::uint64_t again_after = 0);
  ~taker();

  /// Call when all was sent and `sender`, the other end, may be shut down. Throws std::runtime_error unless `expected`
  /// bytes came and were right.
  void finish(const unique_fd& sender, std::uint64_t expected);

 private:
  void discard_all();
  void verify_all(std::uint64_t again_after);

  int socket_;
  std::uint64_t taken_ = 0;
  std::string wrong_;
  std::jthread thread_;
};

/// Sends coded bytes.
class giver {
 public:
  giver(const unique_fd& socket, std::uint64_t bytes);
  ~giver();

 private:
  int socket_;
  std::jthread thread_;
};

/// Both ends of a relay of messages: sends one, waits until it has come out at the other end, sends the next.
class messenger {
 public:
  messenger(const unique_fd& sends, const unique_fd& receives, std::size_t message_bytes, std::uint64_t bytes,
            bool verify);
  ~messenger();

  /// Waits for the last message. Throws std::runtime_error unless all arrived and were right.
  void finish();

 private:
  void run(std::size_t message_bytes, std::uint64_t bytes, bool verify);
  void one_message(std::uint64_t from, std::uint64_t to, bool verify);
  void look_at(std::span<const std::byte> bytes, std::uint64_t position);

  int sends_;
  int receives_;
  std::string wrong_;
  std::jthread thread_;
};

}  // namespace sluice::bench::lab
