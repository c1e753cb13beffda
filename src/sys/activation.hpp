#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// The variables of socket activation (sd_listen_fds(3)); nullopt where one is not set.
struct listen_variables {
  std::optional<std::string> count;  ///< LISTEN_FDS
  std::optional<std::string> pid;    ///< LISTEN_PID
  std::optional<std::string> names;  ///< LISTEN_FDNAMES
};

/// What the variables announce: descriptors 3, 4 and so on, and their names.
struct listen_announcement {
  std::vector<std::string> names;  ///< one a descriptor, "unknown" where it has none
  std::string trouble;             ///< what is wrong with the variables; empty if nothing is, or they are not set
};

/// Reads the variables for the process `self`. Variables meant for another process announce nothing, and that is said.
listen_announcement read_listen_variables(const listen_variables& variables, pid_t self);

enum class passed_kind : std::uint8_t { listening, connection, idle_socket, other_socket, no_socket };

/// A descriptor that the service manager passed.
struct passed_descriptor {
  unique_fd fd;
  std::string name;
  passed_kind kind = passed_kind::no_socket;
  socket_address address;  ///< where it is bound; of sockets
};

/// "fd 3, `web`, [::]:8080".
std::string describe(const passed_descriptor& one);

/// Why it cannot be listened on: "is a datagram socket", with what to do about it; empty if it can.
std::string_view what_is_wrong_with(passed_kind kind) noexcept;

struct passed_descriptors {
  std::vector<passed_descriptor> all;
  std::string trouble;  ///< as above, or which descriptor is not open
};

/// Takes what LISTEN_* announce, close-on-exec and non-blocking, and unsets the variables: whoever asks next gets
/// nothing. To be called before the program opens descriptors of its own. Thread: before there are others.
passed_descriptors take_passed_descriptors();

}  // namespace sluice::sys
