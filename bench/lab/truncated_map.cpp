#include "truncated_map.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>

#include "endpoints.hpp"

namespace sluice::bench::lab {
namespace {

constexpr std::size_t file_bytes = 1 << 20;

/// Runs `act` in a child, which answers with an exit code: 0, or an errno.
std::string fate_of(const std::function<int()>& act) {
  const pid_t child = fork();
  if (child < 0) throw_errno("fork");
  if (child == 0) {
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGBUS, SIG_DFL);
    _exit(act());
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("waitpid");
  }
  if (WIFSIGNALED(status)) {
    const char* const name = sigabbrev_np(WTERMSIG(status));
    return std::string("is killed by SIG") + (name != nullptr ? name : "?");
  }
  const int error = WEXITSTATUS(status);
  return error == 0 ? "goes on" : std::string("goes on with an error: ") + strerrordesc_np(error);
}

}  // namespace

std::vector<std::string> what_truncation_does(const std::string& directory) {
  const unique_fd file = coded_file(directory, file_bytes);
  const stream_pair pair = unix_pair();
  void* const start = mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (start == MAP_FAILED) throw_errno("mmap");
  if (ftruncate(file.get(), 0) < 0) throw_errno("ftruncate");
  const auto* const mapped = static_cast<const volatile char*>(start);
  const std::string looks = fate_of([&] { return mapped[0] == 0 ? 0 : 1; });
  const std::string writes = fate_of([&] { return write(pair.ours.get(), start, 4096) < 0 ? errno : 0; });
  const std::string sends =
      fate_of([&] { return sendfile(pair.ours.get(), file.get(), nullptr, 4096) < 0 ? errno : 0; });
  munmap(start, file_bytes);
  return {"A mapped file that somebody truncates: who looks at it " + looks + "; who calls write from it " + writes +
          "; who calls sendfile on it instead " + sends + " (nothing is sent, as at any end of file)."};
}

}  // namespace sluice::bench::lab
