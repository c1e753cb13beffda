#include "sys/limits.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::sys;
namespace fs = std::filesystem;

namespace {

/// A directory that stands for "/", with the files a test writes into it.
class fake_root {
 public:
  fake_root& with(const std::string& file, const std::string& text) {
    const fs::path whole = path() / file;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole) << text << '\n';
    return *this;
  }
  const fs::path& path() const { return root_.path(); }

 private:
  sluice::support::temporary_directory root_;
};

std::optional<unsigned> v2_quota(const std::string& cpu_max) {
  fake_root root;
  root.with("proc/self/cgroup", "0::/app").with("sys/fs/cgroup/app/cpu.max", cpu_max);
  return quota_processors(root.path());
}

std::optional<unsigned> v1_quota(const std::string& quota, const std::string& period) {
  fake_root root;
  root.with("proc/self/cgroup", "5:memory:/m\n3:cpu,cpuacct:/app\n0::/")
      .with("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", quota)
      .with("sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", period);
  return quota_processors(root.path());
}

}  // namespace

TEST_CASE("limits: the soft descriptor limit is raised to the hard one", "[sys][limits]") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  CHECK(raise_descriptor_limit() == before.rlim_max);
  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("limits: a quota is rounded up to whole processors", "[sys][limits]") {
  CHECK(v2_quota("200000 100000") == 2U);
  CHECK(v2_quota("150000 100000") == 2U);
  CHECK(v2_quota("50000 100000") == 1U);
  CHECK(v2_quota("1000 100000") == 1U);
  CHECK(v1_quota("250000", "100000") == 3U);
  CHECK(v1_quota("20000", "100000") == 1U);
}

TEST_CASE("limits: no quota is no limit", "[sys][limits]") {
  CHECK_FALSE(v2_quota("max 100000"));
  CHECK_FALSE(v2_quota(""));
  CHECK_FALSE(v2_quota("nonsense 100000"));
  CHECK_FALSE(v2_quota("100000 0"));
  CHECK_FALSE(v1_quota("-1", "100000"));
  CHECK_FALSE(quota_processors(fake_root().path()));
}

TEST_CASE("limits: the least memory limit of the groups above holds, under v2, v1 and both", "[sys][limits]") {
  fake_root both;
  both.with("proc/self/cgroup", "4:memory:/a/b\n0::/c/d")
      .with("sys/fs/cgroup/c/d/memory.max", "max")
      .with("sys/fs/cgroup/c/memory.max", "268435456")
      .with("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712");
  CHECK(memory_limit(both.path()) == 268'435'456U);
  both.with("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "67108864");
  CHECK(memory_limit(both.path()) == 67'108'864U);
}

TEST_CASE("limits: no memory limit is none", "[sys][limits]") {
  CHECK_FALSE(memory_limit(fake_root().path()));
  const std::string text = GENERATE(as<std::string>(), "max", "", "-1", "12k", "99999999999999999999999");
  CAPTURE(text);
  fake_root root;
  root.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/memory.max", text);
  CHECK_FALSE(memory_limit(root.path()));
}

TEST_CASE("limits: the least quota of the groups above holds", "[sys][limits]") {
  fake_root root;
  root.with("proc/self/cgroup", "0::/system.slice/app/inner")
      .with("sys/fs/cgroup/system.slice/app/inner/cpu.max", "max 100000")
      .with("sys/fs/cgroup/system.slice/app/cpu.max", "600000 100000")
      .with("sys/fs/cgroup/system.slice/cpu.max", "300000 100000");
  CHECK(quota_processors(root.path()) == 3U);
}

TEST_CASE("limits: in a container the mount is the group, whatever path is told", "[sys][limits]") {
  const std::string told = GENERATE(as<std::string>(), "0::/", "0::/docker/0123abcd", "0::/../../other");
  CAPTURE(told);
  fake_root root;
  root.with("proc/self/cgroup", told).with("sys/fs/cgroup/cpu.max", "400000 100000");
  CHECK(quota_processors(root.path()) == 4U);
}

TEST_CASE("limits: the usable processors are the affinity's, or the quota's if that is less", "[sys][limits]") {
  cpu_set_t all;
  REQUIRE(::sched_getaffinity(0, sizeof all, &all) == 0);
  const auto allowed = static_cast<unsigned>(CPU_COUNT(&all));
  CHECK(usable_processors(fake_root().path()) == allowed);
  CHECK(usable_processors() >= 1);
  CHECK(usable_processors() <= allowed);

  fake_root one;
  one.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/cpu.max", "70000 100000");
  CHECK(usable_processors(one.path()) == 1);
  fake_root many;
  many.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/cpu.max", "100000000 100000");
  CHECK(usable_processors(many.path()) == allowed);
}

TEST_CASE("limits: the cap of backlogs is read, or unknown", "[sys][limits]") {
  fake_root root;
  CHECK_FALSE(sluice::sys::read_backlog_cap(root.path()));
  root.with("proc/sys/net/core/somaxconn", "128");
  CHECK(sluice::sys::read_backlog_cap(root.path()) == 128U);
  root.with("proc/sys/net/core/somaxconn", "many");
  CHECK_FALSE(sluice::sys::read_backlog_cap(root.path()));
}

TEST_CASE("limits: a pinned thread may use one processor", "[sys][limits]") {
  unsigned usable = 0;
  std::thread([&] {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &mine);
    if (::sched_setaffinity(0, sizeof mine, &mine) == 0) usable = usable_processors(fake_root().path());
  }).join();
  CHECK(usable == 1);
}
