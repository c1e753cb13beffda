#include "accept/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

namespace sluice::accept {
namespace {

using namespace std::chrono_literals;

/// A holder like us needs well below a millisecond for each path.
constexpr auto patience = 3s;
constexpr auto pause = 2ms;

}  // namespace

directory_lock::directory_lock(const std::string& path) {
  if (path.empty()) return;
  const std::string parent = std::filesystem::path(path).parent_path().string();
  directory_.reset(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) return;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      error_ = EBUSY;
      return;
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace sluice::accept
