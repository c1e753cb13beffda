#include "meter.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "clocks.hpp"

namespace sluice::bench {
namespace {

constexpr std::uint64_t ns_a_second = 1'000'000'000;

std::uint64_t clock_or_nothing(pid_t pid) {
  clockid_t clock{};
  timespec spent{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0) return 0;  // it has just ended
  return static_cast<std::uint64_t>(spent.tv_sec) * ns_a_second + static_cast<std::uint64_t>(spent.tv_nsec);
}

/// What children that were waited for have used: cutime and cstime of /proc/PID/stat, counted after the name, which may
/// hold spaces.
std::uint64_t of_the_reaped(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  if (stat.rfind(')') == std::string::npos) return 0;
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  constexpr int fields_before_cutime = 13;
  std::string skipped;
  for (int i = 0; i < fields_before_cutime; ++i) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return (user + system) * (ns_a_second / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)));
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string name = std::to_string(pid);
  std::ifstream file("/proc/" + name + "/task/" + name + "/children");
  return {std::istream_iterator<pid_t>(file), {}};
}

std::uint64_t family_ns(pid_t root) {
  // The reaped first: a child that ends in between is then missed for its last moments, never counted twice.
  std::uint64_t sum = of_the_reaped(root) + clock_or_nothing(root);
  for (const pid_t child : children_of(root)) sum += family_ns(child);
  return sum;
}

std::uint64_t cgroup_ns(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t value = 0;
  if (file >> word && word == "usage_usec" && file >> value) return value * 1000;
  if (file && !word.empty()) return std::stoull(word);
  throw std::runtime_error("no CPU time to read in " + path);
}

}  // namespace

cpu_meter::cpu_meter(const metered& whom) : families_(whom.families), files_(whom.files) {
  for (const pid_t pid : whom.processes) {
    clockid_t clock{};
    if (clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("no such process: " + std::to_string(pid));
    clocks_.push_back(clock);
  }
}

std::uint64_t cpu_meter::read_ns() const {
  std::uint64_t sum = 0;
  for (const clockid_t clock : clocks_) sum += nanoseconds_of(clock);
  for (const pid_t root : families_) sum += family_ns(root);
  for (const std::string& file : files_) sum += cgroup_ns(file);
  return sum;
}

}  // namespace sluice::bench
