#include "endpoints.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "coded_bytes.hpp"

namespace sluice::bench::lab {

unique_fd nameless_file(const std::string& directory) {
  std::string name = directory + "/bench_lab.XXXXXX";
  unique_fd file(mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) throw_errno(name);
  if (unlink(name.c_str()) < 0) throw_errno(name);
  return file;
}

unique_fd coded_file(const std::string& directory, std::uint64_t bytes) {
  unique_fd file = nameless_file(directory);
  for (std::uint64_t position = 0; position < bytes;) {
    const auto piece = coded(position, static_cast<std::size_t>(std::min<std::uint64_t>(bytes - position, 1 << 20)));
    const ssize_t written = write(file.get(), piece.data(), piece.size());
    if (written <= 0) throw_errno("writing a file of " + std::to_string(bytes) + " bytes in " + directory);
    position += static_cast<std::uint64_t>(written);
  }
  if (fsync(file.get()) < 0) throw_errno("fsync");  // so that no write-back goes on beside what is measured
  rewind(file);
  return file;
}

void verify_file(const unique_fd& file, std::uint64_t bytes) {
  struct stat found {};
  if (fstat(file.get(), &found) < 0) throw_errno("fstat");
  if (static_cast<std::uint64_t>(found.st_size) != bytes) {
    throw std::runtime_error("a file has " + std::to_string(found.st_size) + " bytes, not " + std::to_string(bytes));
  }
  std::vector<std::byte> buffer(largest_piece);
  for (std::uint64_t position = 0; position < bytes;) {
    const ssize_t got = pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(position));
    if (got <= 0) throw_errno("reading a file back");
    verify_coded(std::span(buffer).first(static_cast<std::size_t>(got)), position);
    position += static_cast<std::uint64_t>(got);
  }
}

void rewind(const unique_fd& file) {
  if (lseek(file.get(), 0, SEEK_SET) < 0) throw_errno("lseek");
}

void empty(const unique_fd& file) {
  if (ftruncate(file.get(), 0) < 0) throw_errno("ftruncate");
  rewind(file);
}

stream_pair tcp_pair() {
  unique_fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  unique_fd ours(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (listener.get() < 0 || ours.get() < 0) throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), generic, length) < 0) throw_errno("bind");
  if (listen(listener.get(), 1) < 0) throw_errno("listen");
  if (getsockname(listener.get(), generic, &length) < 0) throw_errno("getsockname");
  if (connect(ours.get(), generic, length) < 0) throw_errno("connect");
  unique_fd theirs(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (theirs.get() < 0) throw_errno("accept4");
  const int on = 1;
  for (const unique_fd* end : {&ours, &theirs}) {
    if (setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) throw_errno("TCP_NODELAY");
  }
  return {std::move(ours), std::move(theirs)};
}

stream_pair unix_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw_errno("socketpair");
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

}  // namespace sluice::bench::lab
