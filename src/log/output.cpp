#include "log/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "sluice/error.hpp"

namespace sluice::log {
namespace {

constexpr mode_t file_mode = 0640;

/// systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream that the journal reads.
bool is_journal(const struct stat& stream) {
  const char* named = std::getenv("JOURNAL_STREAM");
  return named != nullptr && fmt::format("{}:{}", stream.st_dev, stream.st_ino) == named;
}

/// The same pipe or terminal under an open file description of our own, non-blocking; -1 if that can't be had.
/// Not the master end of a pseudo terminal: to open that would make another terminal.
int open_again(int stream, const struct stat& what) {
  const bool terminal = S_ISCHR(what.st_mode) && what.st_rdev != makedev(5, 2) && ::isatty(stream) == 1;
  if (!S_ISFIFO(what.st_mode) && !terminal) return -1;
  return ::open(fmt::format("/proc/self/fd/{}", stream).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool is_writable_now(int fd) noexcept {
  pollfd entry{fd, POLLOUT, 0};
  return ::poll(&entry, 1, 0) > 0;  // an error or a hang-up counts: the write will tell it
}

}  // namespace

output::output(std::string where) : name_(std::move(where)) {
  pending_.reserve(batch_bytes + 4096);
  if (name_ == "stderr") {
    adopt_stream(STDERR_FILENO);
  } else if (name_ == "stdout") {
    adopt_stream(STDOUT_FILENO);
  } else {
    file_ = true;
    if (const int error = open_file(); error != 0) {
      const bool forbidden = error == EACCES || error == EPERM;
      throw startup_error(fmt::format("log: can't open {}: {}", name_, std::strerror(error)),
                          forbidden ? exit_code::no_permission : exit_code::failed);
    }
  }
  terminal_ = ::isatty(fd_) == 1;
}

output::~output() {
  if (fd_ >= 0) ::close(fd_);
}

void output::adopt_stream(int stream) {
  struct stat what {};
  if (::fstat(stream, &what) != 0) {
    throw std::runtime_error(fmt::format("log: {} is not open: {}", name_, std::strerror(errno)));
  }
  journal_ = is_journal(what);
  regular_ = S_ISREG(what.st_mode);
  if ((fd_ = open_again(stream, what)) >= 0) return;
  fd_ = ::fcntl(stream, F_DUPFD_CLOEXEC, 3);
  if (fd_ < 0) throw std::runtime_error(fmt::format("log: can't use {}: {}", name_, std::strerror(errno)));
  if (S_ISSOCK(what.st_mode)) {
    way_ = way::send;
  } else if (!regular_) {
    way_ = way::poll_first;
  }
}

int output::open_file() noexcept {
  // Non-blocking for paths that name a pipe; a regular file takes no notice.
  const int fd = ::open(name_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, file_mode);
  if (fd < 0) return errno;
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  struct stat what {};
  regular_ = ::fstat(fd_, &what) == 0 && S_ISREG(what.st_mode);
  return 0;
}

void output::append(int priority, std::string_view line) {
  pending_.reserve(pending_.size() + line.size() + 4);  // a line is there whole, or not at all
  if (journal_) {
    pending_ += '<';
    pending_ += static_cast<char>('0' + priority);
    pending_ += '>';
  }
  pending_ += line;
  pending_ += '\n';
}

void output::discard() noexcept {
  pending_.clear();
  written_ = 0;
}

/// The path names another file than the one that is open, or none: it was rotated or deleted.
bool output::file_moved() const noexcept {
  struct stat open_one {};
  struct stat named {};
  if (::fstat(fd_, &open_one) != 0 || ::stat(name_.c_str(), &named) != 0) return true;
  return open_one.st_ino != named.st_ino || open_one.st_dev != named.st_dev;
}

/// The part of a line that was written is not the end of the open file any more.
bool output::is_cut_off() const noexcept {
  struct stat now {};
  return ::fstat(fd_, &now) != 0 || now.st_size == 0;
}

/// Looks once a second, and after every failure, whether the path still leads to the open file. 0 or errno.
int output::refresh_file(clock::time_point now) noexcept {
  if (error_ == 0 && now - file_checked_ < retry_interval) return 0;
  file_checked_ = now;
  if (error_ != 0 || file_moved()) {
    if (const int error = open_file(); error != 0) return error;
  }
  // A line of which a part was written goes whole into a new or emptied file.
  if (written_ > 0 && regular_ && is_cut_off()) {
    const std::size_t line_end = pending_.rfind('\n', written_ - 1);
    written_ = line_end == std::string::npos ? 0 : line_end + 1;
  }
  return 0;
}

output::state output::write(clock::time_point now) {
  if (error_ != 0 && now < retry_at_) return state::failed;
  int error = file_ ? refresh_file(now) : 0;
  while (error == 0 && written_ < pending_.size()) {
    if (way_ == way::poll_first && !is_writable_now(fd_)) return state::blocked;
    const long n = write_once(next_length());
    if (n >= 0) {
      written_ += static_cast<std::size_t>(n);
      error_ = 0;
    } else if (errno == EAGAIN) {
      return state::blocked;
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  error_ = error;
  if (error != 0) {
    retry_at_ = now + retry_interval;
    return state::failed;
  }
  discard();
  return state::done;
}

/// Pipes and terminals get whole lines up to PIPE_BUF at a time: pipe(7) doesn't mix those with what others write, and
/// a pipe that polls writable takes them without blocking.
std::size_t output::next_length() const noexcept {
  const std::size_t left = pending_.size() - written_;
  if (regular_ || left <= PIPE_BUF) return left;
  const std::size_t line_end = pending_.rfind('\n', written_ + PIPE_BUF - 1);
  return line_end == std::string::npos || line_end < written_ ? PIPE_BUF : line_end + 1 - written_;
}

long output::write_once(std::size_t length) noexcept {
  const char* from = pending_.data() + written_;
  if (way_ == way::send) return ::send(fd_, from, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return ::write(fd_, from, length);
}

}  // namespace sluice::log
