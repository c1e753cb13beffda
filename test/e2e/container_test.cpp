#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/wait.hpp"

using namespace sluice;
using namespace sluice::support;
namespace fs = std::filesystem;

namespace {

bool write_to(const fs::path& file, const std::string& text) {
  std::ofstream to(file);
  to << text;
  return static_cast<bool>(to.flush());
}

/// A control group of the test's own with one limit; nobody may make it in many a container.
class control_group {
 public:
  /// v1 and v2 are the files that set the limit.
  control_group(const std::string& controller, const std::string& v1, const std::string& v2, const std::string& v1_text,
                const std::string& v2_text) {
    const fs::path top = "/sys/fs/cgroup";
    const std::string name = "sluice-e2e-" + std::to_string(::getpid());
    made_ = make(top / controller / name, v1, v1_text) || make(top / name, v2, v2_text);
  }
  control_group(const control_group&) = delete;
  control_group& operator=(const control_group&) = delete;
  ~control_group() {
    // A process that was killed leaves it a moment later.
    wait_until([&] {
      std::error_code left;
      return fs::remove(path_, left) || !fs::exists(path_);
    });
  }

  bool made() const noexcept { return made_; }
  std::string enter() const { return "echo $$ > " + (path_ / "cgroup.procs").string(); }

 private:
  bool make(const fs::path& path, const std::string& file, const std::string& text) {
    std::error_code failed;
    fs::create_directory(path, failed);
    if (failed) return false;
    path_ = path;
    if (fs::exists(path / file) && write_to(path / file, text)) return true;
    fs::remove(path, failed);
    return false;
  }

  fs::path path_;
  bool made_ = false;
};

std::optional<pid_t> child_of(pid_t parent) {
  const std::string task = std::to_string(parent);
  std::ifstream children("/proc/" + task + "/task/" + task + "/children");
  pid_t child = 0;
  return children >> child ? std::optional(child) : std::nullopt;
}

}  // namespace

TEST_CASE("e2e: a container's memory limit caps the sessions, unless their number is set", "[e2e]") {
  const control_group group("memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864");
  if (!group.made()) {
    WARN("not tried: no control group with a memory limit may be made here");
    return;
  }
  {
    sluice_process sluice({.arguments = {free_address() + "=127.0.0.1:9"}, .before_exec = group.enter()});
    CHECK(sluice.program().wait_output("room for 2048 sessions"));
    sluice.check_clean_end();
  }
  sluice_process sluice({.arguments = {free_address() + "=127.0.0.1:9"},
                         .environment = {"SLUICE_LIMITS_MAX_CONNECTIONS=3000"},
                         .before_exec = group.enter()});
  CHECK(sluice.program().wait_output("room for 3000 sessions"));
  sluice.check_clean_end();
}

TEST_CASE("e2e: a container's processor quota is its number of workers", "[e2e]") {
  const control_group group("cpu", "cpu.cfs_quota_us", "cpu.max", "100000", "100000 100000");
  if (!group.made()) {
    WARN("not tried: no control group with a processor quota may be made here");
    return;
  }
  sluice_process sluice({.arguments = {free_address() + "=127.0.0.1:9"}, .before_exec = group.enter()});
  CHECK(sluice.program().wait_output(", 1 worker,"));
  sluice.check_clean_end();
}

TEST_CASE("e2e: PID 1 drains at SIGTERM, and no orphan stays a zombie", "[e2e]") {
  if (::getuid() != 0) {
    WARN("not tried: only root makes a process PID 1");
    return;
  }
  const fd_baseline descriptors;
  const peer_server backend([](auto connection) { echo(connection.get()); });
  const std::string front = free_address();
  process outer(
      {.argv = {require_program("unshare", "util-linux"), "--pid", "--fork", "--kill-child", sluice_program()},
       .environment = {"SLUICE_FORWARD=" + front + '=' + backend.address(), "SLUICE_DRAIN_GRACE=2s"}});
  REQUIRE(outer.wait_output("ready: "));
  const auto first = child_of(outer.pid());
  REQUIRE(first);
  // A process whose parent ends at once becomes PID 1's.
  const run_result orphan = run({.argv = {require_program("nsenter", "util-linux"), "--target", std::to_string(*first),
                                          "--pid", "sh", "-c", "(sleep 0.05; exec true) & exit 0"}});
  REQUIRE(orphan.code == 0);
  CHECK(wait_until([&] { return !child_of(*first); }));

  const sys::unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "hello");
  CHECK(receive_text(client.get(), 5) == "hello");
  REQUIRE(::kill(*first, SIGTERM) == 0);
  CHECK(outer.wait_output("draining"));
  CHECK(connect_to(parse_address(front)));  // within the grace
  ::shutdown(client.get(), SHUT_WR);
  CHECK(receive_until_eof(client.get()).empty());
  CHECK(outer.wait_exit() == 0);
}
