#pragma once

#include <string>

#include "sys/unique_fd.hpp"

namespace sluice::accept {

/// Keeps other programs that ask for it out of a path's directory, so that looking at a socket file, replacing it and
/// listening are one step. It is flock(2) of the directory itself: nothing is left lying about, and it goes with the
/// process. A directory that may not be read or not be locked has no lock: then nothing is kept out.
class directory_lock {
 public:
  /// No lock for an empty path. Waits a few seconds at most for another holder.
  explicit directory_lock(const std::string& path);

  /// EBUSY if another program kept the lock all the time, else 0.
  int error() const noexcept { return error_; }

 private:
  sys::unique_fd directory_;
  int error_ = 0;
};

}  // namespace sluice::accept
