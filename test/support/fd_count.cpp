#include "support/fd_count.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

#include "support/catch.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {
namespace {

std::string open_descriptors() {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    text +=
        entry.path().filename().string() + " -> " + std::filesystem::read_symlink(entry.path(), gone).string() + '\n';
  }
  return text;
}

}  // namespace

std::size_t fd_count() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  // The iteration itself holds one.
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries))) - 1;
}

std::size_t fd_count_after_exec() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  const sys::unique_fd read_end(ends[0]);
  sys::unique_fd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::dup2(write_end.get(), STDOUT_FILENO);
    ::execl("/bin/ls", "ls", "/proc/self/fd", nullptr);
    ::_exit(127);
  }
  write_end.reset();
  std::string listed;
  char text[256];
  for (ssize_t n; (n = ::read(read_end.get(), text, sizeof text)) > 0;)
    listed.append(text, static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("ls /proc/self/fd failed");
  // A line each, one of them the directory that ls reads.
  return static_cast<std::size_t>(std::count(listed.begin(), listed.end(), '\n')) - 1;
}

void fd_baseline::check() const {
  const std::size_t now = fd_count();
  if (now != before_) UNSCOPED_INFO("open now:\n" << open_descriptors());
  CHECK(now == before_);
}

}  // namespace sluice::support
