#pragma once

#include <cstddef>
#include <vector>

#include "sluice/config.hpp"

#include "accept/listening_socket.hpp"
#include "server/service.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::server {

/// Everything a configuration listens on, bound and listening, nothing accepted yet.
struct open_listeners {
  struct door {
    std::vector<sys::unique_fd> sockets;  ///< one a worker, or one alone (entrance::one_owner)
  };
  std::vector<entrance> entrances;  ///< by tag
  std::vector<door> doors;          ///< by tag
  std::vector<accept::path_guard> paths;
};

/// How many addresses a configuration listens on (every port of a range counts).
std::size_t count_addresses(const config& settings) noexcept;

/// Opens all of them or none. Throws startup_error that names the address, where it is configured, and who holds it.
open_listeners open_all(const config& settings, const snapshot& routes, std::size_t workers);

}  // namespace sluice::server
