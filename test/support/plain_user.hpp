#pragma once

#include <unistd.h>

namespace sluice::test {

/// While it lives, a process of root has the rights of an ordinary user; any other process is one anyway.
class plain_user {
 public:
  plain_user() { good_ = ::geteuid() != 0 || (was_root_ = ::seteuid(nobody) == 0); }
  ~plain_user() {
    if (was_root_ && ::seteuid(0) != 0) ::_exit(1);
  }
  plain_user(const plain_user&) = delete;
  plain_user& operator=(const plain_user&) = delete;

  /// False: root could not give up its rights (in a container with one uid).
  explicit operator bool() const noexcept { return good_; }

 private:
  static constexpr uid_t nobody = 65534;
  bool was_root_ = false;
  bool good_ = false;
};

}  // namespace sluice::test
