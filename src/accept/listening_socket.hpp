#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "sys/socket.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::accept {

/// How to open one listening socket.
struct listen_spec {
  sys::socket_address address;
  bool dual_stack = false;  ///< an IPv6 wildcard that takes IPv4 too
  /// Others that join its group may follow on the address (SO_REUSEPORT). It itself is opened without, and given the
  /// option only once it listens: so of several who open an address one alone gets it.
  bool starts_group = false;
  bool joins_group = false;  ///< follows one that started a group, on the address that one got
  int backlog = 4096;
  sys::side_options options;  ///< accepted sockets inherit them
  std::uint32_t mode = 0666;  ///< unix paths only, as is owner
  std::string owner;          ///< "user", "user:group", ":group" or empty; names or numbers
};

/// A bound and listening socket, or the step that failed and its errno.
struct listening_socket {
  sys::unique_fd fd;
  sys::socket_address address;  ///< with the port the kernel chose for port 0
  int error = 0;
  std::string failed_step;  ///< "bind", "listen", "chmod", "owner", "lock" ...

  explicit operator bool() const noexcept { return static_cast<bool>(fd); }
};

/// Opens it. A unix path that exists is replaced only if it is a socket that nobody answers (EADDRINUSE otherwise).
/// A process of the same user could join a reuseport group of ours (or we its) and silently share its clients: only
/// `joins_group` does, everything else is refused an address that is listened on, also one on which somebody begins to
/// listen at the same moment. Where IPv6 is off, a dual-stack address falls back to every IPv4 address.
listening_socket open_listening_socket(const listen_spec& spec);

/// "a directory" and the like if the path of a unix address is taken by something that is no socket; else empty.
std::string what_is_in_the_way(const sys::socket_address& address);

/// Removes a unix path at the end, unless another process has replaced it meanwhile.
class path_guard {
 public:
  path_guard() noexcept = default;
  /// Notes which file the bound socket made.
  explicit path_guard(std::string path);
  path_guard(path_guard&& other) noexcept
      : path_(std::move(other.path_)), device_(other.device_), inode_(other.inode_) {
    other.path_.clear();
  }
  path_guard& operator=(path_guard&&) = delete;
  ~path_guard();

  /// Leaves the file where it is.
  void keep() noexcept { path_.clear(); }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace sluice::accept
