#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::cli {

/// Small HTTP servers on 127.0.0.1 for `sluice demo`, all served by one thread of this process.
///
/// Every path answers "hello from backend A" (B, C ...); /big?bytes=N answers N bytes.
class demo_backends {
 public:
  /// Binds `count` (1 to 26) servers to free ports: clients can connect from now on and are answered after start().
  /// Throws std::system_error.
  explicit demo_backends(std::size_t count);
  /// Ends every connection at once.
  ~demo_backends();
  demo_backends(const demo_backends&) = delete;
  demo_backends& operator=(const demo_backends&) = delete;

  void start();

  const std::vector<std::uint16_t>& ports() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// "A" for 0.
std::string demo_backend_name(std::size_t index);

/// `preferred` if it is free on 127.0.0.1, else the next free port above it, else any.
/// Throws std::system_error.
std::uint16_t free_loopback_port(std::uint16_t preferred);

}  // namespace sluice::cli
