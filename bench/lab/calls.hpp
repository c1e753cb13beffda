#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "sockets.hpp"

/// The system calls a technique is made of. Each counts itself, moves at least one byte or throws `refusal`.
namespace sluice::bench::lab {

/// What the kernel would not do, and why: a table's row says it instead of figures.
struct refusal : std::runtime_error {
  refusal(const std::string& call, int error)
      : std::runtime_error(call + ": " + (error != 0 ? std::generic_category().message(error) : "moved nothing")) {}
};

namespace calls {

/// Calls of this thread so far.
inline thread_local std::uint64_t made = 0;

inline std::size_t moved(const char* call, ssize_t result) {
  ++made;
  if (result <= 0) throw refusal(call, result < 0 ? errno : 0);
  return static_cast<std::size_t>(result);
}

inline void done(const char* call, int result) {
  ++made;
  if (result < 0) throw refusal(call, errno);
}

inline std::size_t read(int from, std::span<std::byte> into) {
  return moved("read", ::read(from, into.data(), into.size()));
}

inline std::size_t write(int into, std::span<const std::byte> from) {
  return moved("write", ::write(into, from.data(), from.size()));
}

inline std::size_t sendfile(int from, int into, std::size_t bytes) {
  return moved("sendfile", ::sendfile(into, from, nullptr, bytes));
}

inline std::size_t splice(int from, int into, std::size_t bytes) {
  return moved("splice", ::splice(from, nullptr, into, nullptr, bytes, SPLICE_F_MOVE));
}

inline std::size_t tee(int from, int into, std::size_t bytes) { return moved("tee", ::tee(from, into, bytes, 0)); }

inline std::size_t vmsplice(int into, std::span<const std::byte> from) {
  const iovec pages{.iov_base = const_cast<std::byte*>(from.data()), .iov_len = from.size()};
  return moved("vmsplice", ::vmsplice(into, &pages, 1, 0));
}

inline std::size_t copy_file_range(int from, int into, std::size_t bytes) {
  return moved("copy_file_range", ::copy_file_range(from, nullptr, into, nullptr, bytes, 0));
}

inline void close(unique_fd& fd) {
  ++made;
  fd.close();
}

}  // namespace calls

/// Both ends of a pipe.
struct pipe_ends {
  unique_fd out;
  unique_fd in;
  std::size_t capacity = 0;
};

constexpr std::size_t default_pipe_bytes = 64 * 1024;

/// A pipe that holds so many bytes; one call where that is what a pipe holds anyway, two otherwise.
inline pipe_ends make_pipe(std::size_t capacity) {
  int ends[2];
  calls::done("pipe2", ::pipe2(ends, O_CLOEXEC));
  pipe_ends made{unique_fd(ends[0]), unique_fd(ends[1]), capacity};
  if (capacity != default_pipe_bytes) {
    calls::done("F_SETPIPE_SZ", ::fcntl(made.in.get(), F_SETPIPE_SZ, static_cast<int>(capacity)));
  }
  return made;
}

/// A file or a part of it as memory.
class mapping {
 public:
  mapping(int file, std::size_t bytes) : bytes_(bytes), start_(mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0)) {
    calls::done("mmap", start_ == MAP_FAILED ? -1 : 0);
  }
  mapping(const mapping&) = delete;
  mapping& operator=(const mapping&) = delete;
  ~mapping() {
    ++calls::made;
    munmap(start_, bytes_);
  }

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(start_), bytes_}; }

 private:
  std::size_t bytes_;
  void* start_;
};

/// Writes all of it, however many calls that takes.
inline void write_all(int into, std::span<const std::byte> from) {
  while (!from.empty()) from = from.subspan(calls::write(into, from));
}

/// Empties a pipe known to hold `bytes`.
inline void splice_all(const pipe_ends& from, int into, std::size_t bytes) {
  while (bytes > 0) bytes -= calls::splice(from.out.get(), into, bytes);
}

}  // namespace sluice::bench::lab
