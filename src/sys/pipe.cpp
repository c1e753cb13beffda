#include "sys/pipe.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

namespace sluice::sys {
namespace {

std::optional<std::size_t> read_number(const char* path) noexcept {
  const unique_fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  char text[32];
  const ssize_t n = ::read(file.get(), text, sizeof text);
  if (n <= 0) return std::nullopt;
  std::size_t value = 0;
  if (std::from_chars(text, text + n, value).ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

void unique_fd::close_it() const noexcept {
  // Linux frees the descriptor even when close() says EINTR: never again (close(2)).
  ::close(fd_);
}

pipe_pair make_pipe(std::size_t bytes) noexcept {
  pipe_pair made;
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    made.error = errno;
    return made;
  }
  made.read.reset(ends[0]);
  made.write.reset(ends[1]);
  if (bytes != 0) ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(bytes));  // refused: the size read back says so
  const int granted = ::fcntl(ends[1], F_GETPIPE_SZ);
  made.slots = granted > 0 ? static_cast<std::uint32_t>(static_cast<std::size_t>(granted) / page_size()) : 0;
  return made;
}

long pipe_bytes(int read_end) noexcept {
  int n = 0;
  return ::ioctl(read_end, FIONREAD, &n) == 0 ? n : -1;
}

pipe_limits read_pipe_limits() noexcept {
  pipe_limits limits;
  limits.max_bytes = read_number("/proc/sys/fs/pipe-max-size").value_or(limits.max_bytes);
  limits.user_pages_soft = read_number("/proc/sys/fs/pipe-user-pages-soft").value_or(limits.user_pages_soft);
  return limits;
}

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace sluice::sys
