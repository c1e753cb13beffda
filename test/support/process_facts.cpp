#include "support/process_facts.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "sys/unique_fd.hpp"

namespace sluice::support {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

fs::path proc(pid_t pid) { return fs::path("/proc") / std::to_string(pid); }

/// What stands behind the name in a process's or a thread's stat; the name, in parentheses, may hold anything.
std::istringstream words_of_stat(const fs::path& of) {
  std::ifstream file(of / "stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) throw std::runtime_error("no " + (of / "stat").string());
  return std::istringstream(text.substr(name_end + 1));
}

/// Calls with (number, target) of each descriptor. One that closes meanwhile is left out.
void for_each_descriptor(pid_t pid, const std::function<void(const fs::path&, const std::string&)>& call) {
  for (const auto& entry : fs::directory_iterator(proc(pid) / "fd")) {
    std::error_code gone;
    const fs::path target = fs::read_symlink(entry.path(), gone);
    if (!gone) call(entry.path(), target.string());
  }
}

/// Targets of unix datagram sockets: those of messages to a service manager, which come and go.
std::set<std::string> datagram_sockets(pid_t pid) {
  std::set<std::string> result;
  std::ifstream file(proc(pid) / "net" / "unix");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string number, references, protocol, flags, type, state, inode;
    words >> number >> references >> protocol >> flags >> type >> state >> inode;
    if (type == "0002") result.insert("socket:[" + inode + "]");
  }
  return result;
}

}  // namespace

descriptor_count descriptors_of(pid_t pid) {
  descriptor_count result;
  // Read first, so that one which closes meanwhile is not taken for another kind.
  const std::set<std::string> passing = datagram_sockets(pid);
  for_each_descriptor(pid, [&](const fs::path&, const std::string& target) {
    if (target.starts_with("socket:"))
      result.sockets += passing.count(target) == 0 ? 1 : 0;
    else if (target.starts_with("pipe:"))
      ++result.pipe_ends;
    else
      ++result.others;
  });
  return result;
}

pipe_count pipes_of(pid_t pid) {
  pipe_count result;
  std::set<std::string> seen;  // the log goes to a standard stream, by whatever descriptor
  for (const char* standard : {"0", "1", "2"}) {
    std::error_code closed;
    seen.insert(fs::read_symlink(proc(pid) / "fd" / standard, closed).string());
  }
  for_each_descriptor(pid, [&](const fs::path& path, const std::string& target) {
    if (!target.starts_with("pipe:") || !seen.insert(target).second) return;
    // Opening the link makes a new reading end of the same pipe.
    const sys::unique_fd reading(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    int bytes = 0;
    if (!reading || ::ioctl(reading.get(), FIONREAD, &bytes) != 0) return;
    ++result.pipes;
    result.bytes += static_cast<std::size_t>(bytes);
  });
  return result;
}

bool is_running(pid_t pid) {
  for (const auto& thread : fs::directory_iterator(proc(pid) / "task")) {
    char state = 0;
    words_of_stat(thread.path()) >> state;
    if (state == 'R') return true;
  }
  return false;
}

milliseconds cpu_time_of(pid_t pid) {
  std::istringstream words = words_of_stat(proc(pid));
  // utime and stime are the 12th and 13th.
  std::string skipped;
  for (int i = 0; i < 11; ++i) words >> skipped;
  long user = 0;
  long system = 0;
  words >> user >> system;
  return milliseconds((user + system) * 1'000 / ::sysconf(_SC_CLK_TCK));
}

std::size_t memory_of(pid_t pid) {
  std::ifstream file(proc(pid) / "smaps_rollup");
  std::size_t kib = 0;
  int found = 0;
  for (std::string line; std::getline(file, line);) {
    for (const std::string_view name : {"Pss_Anon:", "Pss_Shmem:"}) {
      if (!line.starts_with(name)) continue;
      kib += std::stoul(line.substr(name.size()));
      ++found;
    }
  }
  if (found != 2) throw std::runtime_error("no Pss_Anon and Pss_Shmem in /proc/PID/smaps_rollup");
  return kib * 1'024;
}

double cpu_percent_during(pid_t pid, milliseconds span) {
  const auto begun = std::chrono::steady_clock::now();
  const milliseconds before = cpu_time_of(pid);
  std::this_thread::sleep_for(span);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  return static_cast<double>((cpu_time_of(pid) - before).count()) * 100.0 / took.count();
}

}  // namespace sluice::support
