#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "log/record.hpp"
#include "support/catch.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::log::test {

using steady = std::chrono::steady_clock;

/// True as soon as the condition holds, false if it never did.
template <typename Condition>
bool eventually(Condition condition, std::chrono::seconds limit = std::chrono::seconds{20}) {
  const auto deadline = steady::now() + limit;
  while (!condition()) {
    if (steady::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

inline std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Puts another descriptor in the place of a standard stream (or nothing) for its lifetime.
class redirected_stream {
 public:
  redirected_stream(int stream, int to) : stream_(stream), saved_(::fcntl(stream, F_DUPFD_CLOEXEC, 3)) {
    REQUIRE(saved_ >= 0);
    if (to >= 0) {
      REQUIRE(::dup2(to, stream) == stream);
    } else {
      ::close(stream);
    }
  }
  ~redirected_stream() {
    ::dup2(saved_, stream_);
    ::close(saved_);
  }
  redirected_stream(const redirected_stream&) = delete;
  redirected_stream& operator=(const redirected_stream&) = delete;

 private:
  int stream_;
  int saved_;
};

struct descriptor_pair {
  sys::unique_fd reader;
  sys::unique_fd writer;
};

/// A pipe in blocking mode, as a shell makes them.
inline descriptor_pair make_plain_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {sys::unique_fd(ends[0]), sys::unique_fd(ends[1])};
}

/// A stream socket in blocking mode, as the journal's is.
inline descriptor_pair make_plain_socket() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {sys::unique_fd(ends[0]), sys::unique_fd(ends[1])};
}

/// Reads until the last writer has closed.
inline std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t n = 0;
  while ((n = ::read(fd, buffer.data(), buffer.size())) > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  return text;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

inline endpoint ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
  endpoint value;
  value.type = endpoint::family::ipv4;
  value.port = port;
  value.bytes = {a, b, c, d};
  return value;
}

inline const std::string service_name = "web";
inline const std::string backend_name = "db.internal:5432";

/// A session as most of them end.
inline session_record ordinary_record(std::uint64_t id) {
  session_record record;
  record.id = id;
  record.wall_us = 1'769'903'999'678'901;  // 2026-01-31T23:59:59.678901Z
  record.service = &service_name;
  record.backend = &backend_name;
  record.client = ipv4(192, 0, 2, 7, 40123);
  record.local = ipv4(192, 0, 2, 1, 8080);
  record.backend_address = ipv4(198, 51, 100, 5, 5432);
  record.attempts = 1;
  record.connect_ns = 321'456;
  record.duration_ns = 1'234'567'890;
  record.bytes_received = 1000;
  record.bytes_sent = 20'000;
  record.bytes_spliced = 21'000;
  record.reason = close_reason::client_fin;
  return record;
}

}  // namespace sluice::log::test
