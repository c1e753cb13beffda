#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "support/free_ports.hpp"
#include "support/http_load.hpp"
#include "support/nginx.hpp"
#include "support/sluice_process.hpp"

/// Three nginx and what clients of sluice before them meet.
namespace sluice::support {

class nginx_farm {
 public:
  explicit nginx_farm(const std::array<std::string, 3>& addresses = {free_address(), free_address(), free_address()})
      : servers_{nginx_server("a", addresses[0]), nginx_server("b", addresses[1]), nginx_server("c", addresses[2])} {
    for (nginx_server& one : servers_) one.start();
  }

  nginx_server& operator[](std::size_t which) { return servers_[which]; }
  auto begin() { return servers_.begin(); }
  auto end() { return servers_.end(); }

  /// A service of them at `front`, with these lines more.
  std::string service(const std::string& front, const std::string& more) const {
    std::string list;
    for (const nginx_server& one : servers_) list += (list.empty() ? "'" : ", '") + one.address() + '\'';
    return "[limits]\nworkers = 2\n[service.web]\nlisten = '" + front + "'\nbackends = [" + list + "]\n" + more;
  }

 private:
  std::array<nginx_server, 3> servers_;
};

/// How the requests of a span of time ended: those that had begun by its end and had not ended before it began.
struct load_report {
  using time_point = http_load::clock::time_point;

  load_report(const http_load& load, time_point from, time_point until = time_point::max()) {
    for (const http_exchange& one : load.exchanges()) {
      if (one.begun > until || one.ended < from) continue;
      ++asked;
      slowest_ms = std::max(slowest_ms, one.ms());
      if (!one.served()) problems.push_back(one.problem);
    }
  }

  std::size_t asked = 0;
  double slowest_ms = 0;
  std::vector<std::string> problems;  ///< of those that failed
};

}  // namespace sluice::support
