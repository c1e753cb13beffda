#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sockets.hpp"

namespace sluice::bench::lab {

/// Sends with MSG_ZEROCOPY and reads the completion notices from the socket's error queue. Memory once sent must not
/// change before its notice came.
class zero_copy_sender {
 public:
  /// Throws refusal where the socket or the kernel has no MSG_ZEROCOPY.
  explicit zero_copy_sender(const unique_fd& socket);

  std::size_t send(std::span<const std::byte> memory);
  /// Throws std::runtime_error when no notice comes for seconds.
  void wait_for_all();
  /// "4096 sends, 120 notices, 4096 copied"
  std::string summary() const;

 private:
  bool read_notice();
  void wait_for_notice();

  int socket_;
  std::uint64_t sends_ = 0;
  std::uint64_t notices_ = 0;
  std::uint64_t noticed_sends_ = 0;
  std::uint64_t copied_sends_ = 0;
  std::uint64_t out_of_room_ = 0;
};

}  // namespace sluice::bench::lab
