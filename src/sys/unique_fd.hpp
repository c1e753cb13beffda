#pragma once

#include <memory>
#include <utility>

namespace sluice::sys {

/// Owns one descriptor and closes it once. Thread: any, one at a time.
class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) close_it();
    fd_ = fd;
  }

 private:
  void close_it() const noexcept;

  int fd_ = -1;
};

/// A descriptor with several owners, closed by the last.
using shared_fd = std::shared_ptr<const unique_fd>;
inline shared_fd share(unique_fd fd) { return std::make_shared<const unique_fd>(std::move(fd)); }

}  // namespace sluice::sys
