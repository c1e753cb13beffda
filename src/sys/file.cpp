#include "sys/file.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>

namespace sluice::sys {

open_file open_regular_file(const std::string& path) noexcept {
  open_file result;
  // A FIFO would wait for a writer.
  result.fd = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (!result.fd || ::fstat(result.fd.get(), &facts) != 0) {
    result.error = errno;
  } else if (!S_ISREG(facts.st_mode)) {
    result.error = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    result.fd.reset();
  } else {
    result.bytes = static_cast<std::uint64_t>(facts.st_size);
  }
  return result;
}

io_result send_file(int socket, int file, std::uint64_t offset, std::size_t length) noexcept {
  auto from = static_cast<off_t>(offset);
  ssize_t n;
  do {
    n = ::sendfile(socket, file, &from, length);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return io_result::moved(static_cast<std::size_t>(n));
  if (n == 0) return io_result::eof();
  return errno == EAGAIN ? io_result::would_block() : io_result::failed(errno);
}

}  // namespace sluice::sys
