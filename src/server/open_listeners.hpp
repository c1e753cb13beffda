#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sluice/config.hpp"

#include "accept/listening_socket.hpp"
#include "server/service.hpp"
#include "sys/activation.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::server {

/// Everything a configuration listens on, bound and listening, nothing accepted yet.
struct open_listeners {
  struct door {
    /// One a worker, or one alone (entrance::one_owner). Shared with the worker that accepts, so that another can when
    /// that one is stuck. Given up before the workers are told to stop: they empty a queue, and then close it.
    std::vector<sys::shared_fd> sockets;
  };
  std::vector<entrance> entrances;  ///< by tag
  std::vector<door> doors;          ///< by tag
  std::vector<accept::path_guard> paths;
  std::vector<std::string> warnings;  ///< what is odd about the descriptors that were passed
};

/// The worker that has a socket of an address: what one worker owns goes to each in turn.
constexpr std::size_t worker_of(std::size_t tag, std::size_t socket, std::size_t workers) noexcept {
  return (tag + socket) % workers;
}

/// How many addresses a configuration listens on (every port of a range counts).
std::size_t count_addresses(const config& settings) noexcept;

/// Opens all of them or none. What was passed is taken where it fits: by the listeners that name it, then by those
/// whose address it has; the rest is closed. Throws startup_error that names the address, where it is configured, and
/// who holds it.
open_listeners open_all(const config& settings, const snapshot& routes, std::size_t workers,
                        sys::passed_descriptors passed = {});

}  // namespace sluice::server
