#pragma once

#include <string>
#include <vector>

#include "support/loopback.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// A TCP listener whose accept queue is full: the kernel drops every further SYN, so that a connect to it neither
/// succeeds nor fails.
class full_backlog {
 public:
  full_backlog();

  std::string address() const { return to_string(listener_.address); }

 private:
  listening_socket listener_;
  std::vector<sys::unique_fd> waiting_;
};

}  // namespace sluice::support
