#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "sys/limits.hpp"

using namespace sluice;
using namespace sluice::support;
namespace fs = std::filesystem;

namespace {

/// Bytes of private memory that a process may write to: what RLIMIT_DATA limits.
std::size_t data_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmData:")) return std::stoul(line.substr(7)) * 1'024;
  throw std::runtime_error("no VmData in /proc/PID/status");
}

void limit_data(pid_t pid, rlim_t bytes) {
  const rlimit wanted{bytes, RLIM_INFINITY};
  REQUIRE(::prlimit(pid, RLIMIT_DATA, &wanted, nullptr) == 0);
}

bool echoes(const sys::unique_fd& client) {
  send_all(client.get(), "x");
  return receive_text(client.get(), 1) == "x";
}

/// n clients one after the other: those that were served and stay.
std::vector<sys::unique_fd> try_to_enter(const std::string& front, std::size_t n) {
  std::vector<sys::unique_fd> served;
  for (std::size_t i = 0; i < n; ++i) {
    try {
      sys::unique_fd client = connect_to(parse_address(front));
      if (!echoes(client)) throw std::runtime_error("another byte came back");
      served.push_back(std::move(client));
    } catch (const std::system_error& reset) {
      REQUIRE(reset.code().value() != ETIMEDOUT);
    }
  }
  return served;
}

/// A control group of its own for what a process and the kernel in its name may use, sockets and pipes included.
class memory_group {
 public:
  explicit memory_group(std::size_t limit) {
    if (fs::exists(v1 / "memory.limit_in_bytes")) {
      made_ = make(v1 / name(), "memory.limit_in_bytes", limit);
    } else if (fs::exists(v2 / "cgroup.subtree_control")) {
      std::ofstream(v2 / "cgroup.subtree_control") << "+memory" << std::flush;
      made_ = make(v2 / name(), "memory.max", limit);
    }
  }
  memory_group(const memory_group&) = delete;
  memory_group& operator=(const memory_group&) = delete;
  ~memory_group() {
    std::error_code busy;
    if (!path_.empty()) wait_until([&] { return fs::remove(path_, busy) && !busy; });
  }

  bool made() const noexcept { return made_; }
  /// What a shell does to get in.
  std::string entry() const { return "echo $$ > " + (path_ / "cgroup.procs").string(); }
  /// How often the kernel has ended somebody in it.
  std::size_t killed() const {
    for (const auto* kept_in : {"memory.oom_control", "memory.events"}) {
      std::ifstream file(path_ / kept_in);
      std::string what;
      for (std::size_t n = 0; file >> what >> n;)
        if (what == "oom_kill") return n;
    }
    throw std::runtime_error("the group does not say how often somebody was killed");
  }

 private:
  static std::string name() { return "sluice-test-" + std::to_string(::getpid()); }

  bool make(const fs::path& group, const char* limited_by, std::size_t limit) {
    std::error_code refused;
    if (!fs::create_directory(group, refused)) return false;
    path_ = group;
    std::ofstream file(group / limited_by);
    return static_cast<bool>(file << limit << std::flush);
  }

  static inline const fs::path v1 = "/sys/fs/cgroup/memory";
  static inline const fs::path v2 = "/sys/fs/cgroup";
  fs::path path_;
  bool made_ = false;
};

}  // namespace

// FAULTS.md R8.
TEST_CASE("faults: where memory ends clients are refused, and whoever is in goes on", "[faults][R8]") {
  if (slowness > 1) {
    WARN("not run: a sanitizer's allocator ends the program where memory ends");
    return;
  }
  const fd_baseline descriptors;
  sys::raise_descriptor_limit();
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  crowd early(parse_address(front), 50);
  early.exchange(1'000);
  limit_data(sluice.pid(), data_of(sluice.pid()));
  std::vector<sys::unique_fd> late = try_to_enter(front, 4'000);
  const std::size_t served = late.size();
  const std::size_t refused = 4'000 - served;
  CHECK(sluice.program().running());
  CHECK(refused > 0);  // else memory has not ended, and this shows nothing
  early.exchange(10'000);
  for (const sys::unique_fd& one : late) REQUIRE(echoes(one));
  limit_data(sluice.pid(), RLIM_INFINITY);
  crowd later(parse_address(front), 200);
  later.exchange(1'000);
  figure("R8", std::to_string(refused) + " of 4000 refused at the limit, " + std::to_string(served) + " served, 0 cut");
  later.leave(200);
  early.leave(50);
  late.clear();
  CHECK(sluice.wait_at_rest(slowness * patience));
  sluice.check_clean_end();
}

// FAULTS.md R8: a group's memory cannot be refused in small pieces, whoever asks for too much is killed. So the program
// lets in no more clients than it holds.
TEST_CASE("faults: in a group of little memory there are as many clients as it holds", "[faults][R8]") {
  const fd_baseline descriptors;
  const memory_group group(std::size_t{32} * 1024 * 1024);
  if (slowness > 1 || !group.made()) {
    WARN("not run: needs root, the memory controller of cgroups, and a program without a sanitizer's memory");
    return;
  }
  sys::raise_descriptor_limit();
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}, .before_exec = group.entry()});
  constexpr std::size_t n = 1'024;  // half of the group at 16 KiB each: docs/configuration.md, limits.max_connections
  crowd clients(parse_address(front), n);
  clients.exchange(1'000);
  sys::unique_fd waiting = connect_to(parse_address(front));
  send_all(waiting.get(), "x");
  // Bytes that nobody takes are memory as well.
  const std::vector<std::byte> bytes(256 * 1024);
  for (std::size_t i = 0; i < n; ++i) ::send(clients.fd(i), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  CHECK_FALSE(is_readable(waiting.get()));
  clients.leave(1);
  CHECK(receive_text(waiting.get(), 1) == "x");
  CHECK(sluice.program().running());
  CHECK(group.killed() == 0);
  figure("R8", std::to_string(n) + " clients in a group of 32 MiB, 0 killed");
  waiting.reset();
  clients.leave(n - 1);
  CHECK(sluice.wait_at_rest(slowness * patience));
  CHECK(group.killed() == 0);
  sluice.check_clean_end();
}
