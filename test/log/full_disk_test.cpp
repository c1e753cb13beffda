#include <sys/mount.h>

#include <memory>

#include "log/log_fixture.hpp"
#include "log/logger.hpp"
#include "support/temporary_directory.hpp"

namespace sluice::log {
namespace {

using namespace test;

log_config to_file(const std::filesystem::path& path) {
  log_config settings;
  settings.output = path.string();
  return settings;
}

/// Stderr in a file, so that a test can look at what the log complains of while it runs.
class captured_stderr {
 public:
  explicit captured_stderr(const std::filesystem::path& path)
      : path_(path),
        file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        moved_(STDERR_FILENO, file_.get()) {}
  std::vector<std::string> lines() const { return split_lines(read_file(path_)); }

 private:
  std::filesystem::path path_;
  sys::unique_fd file_;
  redirected_stream moved_;
};

void push_until_dropped(logger& log, std::uint64_t& pushed) {
  REQUIRE(eventually([&] {
    for (int i = 0; i < 1000; ++i) log.worker_ring(0).push(ordinary_record(++pushed));
    return log.dropped() > 0;
  }));
}

TEST_CASE("log disk: a full disk drops, complains once on stderr and does not delay the end", "[log][disk]") {
  const support::temporary_directory folder;
  const captured_stderr complaints(folder / "stderr");
  {
    logger log(to_file("/dev/full"), 1);
    std::uint64_t pushed = 0;
    push_until_dropped(log, pushed);
    REQUIRE(eventually([&] { return !complaints.lines().empty(); }));
    // Two more attempts, a second apart, say nothing new.
    const auto start = steady::now();
    REQUIRE(eventually([&] { return steady::now() - start > std::chrono::milliseconds{2200}; }));
  }
  const auto lines = complaints.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("log: can't write /dev/full: No space left on device") != std::string::npos);
}

/// A file system of four MiB, so that all that waits has room in the end, unmounted with its owner. Not every root may
/// mount.
class small_disk {
 public:
  explicit small_disk(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~small_disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  explicit operator bool() const { return mounted_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

TEST_CASE("log disk: once there is room again the log goes on; what is missing was counted", "[log][disk]") {
  const support::temporary_directory folder;
  const small_disk disk(folder / "disk");
  if (!disk) {
    WARN("no file system could be mounted");
    return;
  }
  const captured_stderr complaints(folder / "stderr");
  std::ofstream(disk / "filler") << std::string(3800 * 1024, 'x');
  std::uint64_t pushed = 0;
  std::uint64_t dropped = 0;
  std::string text;
  const bool emptied = GENERATE(false, true);
  INFO("the log itself was emptied: " << emptied);
  {
    logger log(to_file(disk / "log"), 1);
    push_until_dropped(log, pushed);
    REQUIRE(eventually([&] { return !complaints.lines().empty(); }));
    if (emptied) {
      text = read_file(disk / "log");
      text.erase(text.rfind('\n') + 1);  // the last line was cut and comes again, whole
      std::filesystem::resize_file(disk / "log", 0);
    }
    std::filesystem::remove(disk / "filler");
    REQUIRE(eventually([&] { return read_file(disk / "log").find("could not be written for") != std::string::npos; }));
    log.worker_ring(0).push(ordinary_record(++pushed));
    dropped = log.dropped();
  }
  text += read_file(disk / "log");
  std::uint64_t sessions = 0;
  for (const auto& line : split_lines(text)) {
    INFO(line);
    REQUIRE(line.front() == '{');
    REQUIRE(line.back() == '}');
    REQUIRE(line.find("{", 1) == std::string::npos);
    sessions += line.find(R"("event":"session")") != std::string::npos ? 1 : 0;
  }
  CHECK(sessions + dropped == pushed);
  CHECK(text.find("lines were dropped") != std::string::npos);
  CHECK(complaints.lines().size() == 1);
}

}  // namespace
}  // namespace sluice::log
