#include "sys/limits.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sys {
namespace {

namespace fs = std::filesystem;

constexpr int most_processors = 1 << 16;

struct cpu_set_free {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};

/// Processors of the affinity mask, 0 if the kernel won't say.
unsigned affinity_processors() noexcept {
  // EINVAL means the mask is smaller than the kernel's (sched_getaffinity(2)).
  for (int room = CPU_SETSIZE; room <= most_processors; room *= 2) {
    const std::unique_ptr<cpu_set_t, cpu_set_free> set(CPU_ALLOC(static_cast<std::size_t>(room)));
    if (!set) return 0;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(room));
    if (::sched_getaffinity(0, bytes, set.get()) == 0) return static_cast<unsigned>(CPU_COUNT_S(bytes, set.get()));
    if (errno != EINVAL) return 0;
  }
  return 0;
}

void lower(std::optional<unsigned>& least, long long quota_us, long long period_us) {
  if (quota_us <= 0 || period_us <= 0) return;  // -1: no quota (v1)
  const long long processors = (quota_us + period_us - 1) / period_us;
  const auto bounded = static_cast<unsigned>(std::min<long long>(processors, most_processors));
  least = std::min(least.value_or(bounded), bounded);
}

void lower_by_v2(std::optional<unsigned>& least, const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  long long period_us = 0;
  if (!(file >> quota >> period_us) || quota == "max") return;
  char* end = nullptr;
  const long long quota_us = std::strtoll(quota.c_str(), &end, 10);
  if (*end == '\0') lower(least, quota_us, period_us);
}

void lower_by_v1(std::optional<unsigned>& least, const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  long long quota_us = 0;
  long long period_us = 0;
  if (quota_file >> quota_us && period_file >> period_us) lower(least, quota_us, period_us);
}

/// What a file of a group says, if that is a number and less than what is known; "max" and the like are none.
void lower_by_file(std::optional<std::uint64_t>& least, const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  std::uint64_t bytes = 0;
  if (!(file >> text)) return;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error == std::errc{} && end == text.data() + text.size()) least = std::min(least.value_or(bytes), bytes);
}

/// Applies `lower_by` to a cgroup and all above it, up to the mount: the limits of each hold for all below. Groups that
/// are not there are passed over: in a container the path is often the host's, while the mount begins at our own group.
template <typename LowerBy>
void walk_up(const fs::path& mount, const fs::path& group, LowerBy lower_by) {
  for (fs::path here = group.relative_path(); !here.empty(); here = here.parent_path()) lower_by(mount / here);
  lower_by(mount);
}

bool names(std::string_view controllers, const std::string& wanted) {
  return (',' + std::string(controllers) + ',').find(',' + wanted + ',') != std::string::npos;
}

/// Visits every group that has a say about `controller`, under cgroup v2 and v1.
template <typename ByV2, typename ByV1>
void for_each_group(const fs::path& root, const std::string& controller, const std::vector<std::string>& v1_mounts,
                    ByV2 by_v2, ByV1 by_v1) {
  std::ifstream groups(root / "proc/self/cgroup");
  const fs::path cgroups = root / "sys/fs/cgroup";
  // Each line is "number:controllers:path" (cgroups(7)); v2 is the line "0::path".
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    fs::path group = line.substr(second + 1);
    if (line.find("/..", second) != std::string::npos) group = "/";  // outside our cgroup namespace
    if (controllers.empty()) {
      walk_up(cgroups, group, by_v2);
    } else if (names(controllers, controller)) {
      for (const std::string& mount : v1_mounts) walk_up(cgroups / mount, group, by_v1);
    }
  }
}

}  // namespace

std::uint64_t descriptor_limit() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1'024;
}

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

std::optional<std::uint32_t> read_backlog_cap(const fs::path& root) {
  std::ifstream file(root / "proc/sys/net/core/somaxconn");
  std::uint32_t most = 0;
  if (!(file >> most)) return std::nullopt;
  return most;
}

unsigned usable_processors(const fs::path& root) {
  const unsigned by_affinity = std::max(affinity_processors(), 1U);
  return std::max(std::min(by_affinity, quota_processors(root).value_or(by_affinity)), 1U);
}

std::optional<unsigned> quota_processors(const fs::path& root) {
  std::optional<unsigned> least;
  for_each_group(
      root, "cpu", {"cpu", "cpu,cpuacct"}, [&](const fs::path& group) { lower_by_v2(least, group); },
      [&](const fs::path& group) { lower_by_v1(least, group); });
  return least;
}

std::optional<std::uint64_t> memory_limit(const fs::path& root) {
  std::optional<std::uint64_t> least;
  for_each_group(
      root, "memory", {"memory"}, [&](const fs::path& group) { lower_by_file(least, group / "memory.max"); },
      [&](const fs::path& group) { lower_by_file(least, group / "memory.limit_in_bytes"); });
  return least;
}

}  // namespace sluice::sys
