#pragma once

#include <cstddef>

namespace sluice::support {

/// Open descriptors of this process.
std::size_t fd_count();

/// Descriptors that a program executed now would inherit, standard streams included.
std::size_t fd_count_after_exec();

/// Declared first in a test: CHECKs at its end that as many descriptors are open as at its beginning.
class fd_baseline {
 public:
  fd_baseline() : before_(fd_count()) {}
  fd_baseline(const fd_baseline&) = delete;
  fd_baseline& operator=(const fd_baseline&) = delete;
  ~fd_baseline() { check(); }

  void check() const;

 private:
  std::size_t before_;
};

}  // namespace sluice::support
