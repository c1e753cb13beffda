#include <sys/mount.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "faults/round_trips.hpp"

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using sluice::faults::round_trip_p99;
using std::chrono::microseconds;

namespace {

/// A disk on which all that waits in the program has room in the end.
class small_disk {
 public:
  explicit small_disk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=16m") == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

// FAULTS.md R9. Its other halves: "log disk", "log stream" and "logger: a file that was moved away or deleted".
TEST_CASE("faults: a full disk under the log is not felt by traffic, and what is missing was counted", "[faults][R9]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const small_disk disk(files / "disk");
  if (!disk) {
    WARN("not run: no file system could be mounted, which is for root alone");
    return;
  }
  const echo_server backend;
  const std::string front = free_address();
  const std::string log = files / "disk/log";
  std::size_t sessions = 1;
  std::uint64_t dropped = 0;
  {
    sluice_process sluice({.toml = "[forward]\n'" + front + "' = '" + backend.address() + "'\n[log]\noutput = '" + log +
                                   "'\nformat = 'json'\n"});
    crowd steady(parse_address(front), 1);
    const microseconds before = round_trip_p99(steady);
    std::ofstream(files / "disk/filler") << std::string(15'500 * 1'024, 'x');
    // More than the disk and the program's rings hold.
    while (sessions < 12'000) {
      crowd passing(parse_address(front), 500);
      passing.exchange(1);
      sessions += 500;
    }
    REQUIRE(sluice.program().wait_output("No space left on device"));
    const microseconds allowed = before + std::chrono::milliseconds(1) * slowness;
    const microseconds full = round_trip_p99(steady, allowed);
    CHECK(full <= allowed);
    std::filesystem::resize_file(files / "disk/filler", 0);
    CHECK(wait_until([&] { return text_of(log).find("lines were dropped") != std::string::npos; }));
    steady.leave(1);
    sluice.wait_at_rest();
    CHECK(sluice.stop().value_or(-1) == 0);
    figure("R9", "p99 of a round trip " + std::to_string(before.count()) + " us, with a full disk " +
                     std::to_string(full.count()) + " us");
  }
  const std::string text = text_of(log);
  const auto at = text.find(" log_dropped=");
  REQUIRE(at != std::string::npos);
  dropped = std::stoul(text.substr(at + 13));
  CHECK(dropped > 0);
  CHECK(session_records(text).size() + dropped == sessions);
}
