#include "sys/activation.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "sys/socket.hpp"

namespace sluice::sys {
namespace {

constexpr int first_passed = 3;              // SD_LISTEN_FDS_START
constexpr std::size_t most_passed = 65'536;  // more than any manager passes; bounds what a wrong number costs

/// Digits and nothing else.
std::optional<std::size_t> number(std::string_view text) noexcept {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A name comes from outside: nothing of it may steer a terminal.
std::string printable(std::string_view name) {
  std::string result(name);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return result;
}

/// "a:b" into names, as many as there are descriptors.
std::vector<std::string> names_for(std::size_t count, std::string_view text) {
  std::vector<std::string> names;
  while (names.size() < count) {
    const std::size_t end = std::min(text.find(':'), text.size());
    names.push_back(end == 0 ? "unknown" : printable(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int option_of(int fd, int name) noexcept {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

passed_kind kind_of(int fd, const socket_address& address) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) return passed_kind::no_socket;
  const int family = address.family();
  const bool known = family == AF_INET || family == AF_INET6 || family == AF_UNIX;
  if (!known || option_of(fd, SO_TYPE) != SOCK_STREAM) return passed_kind::other_socket;
  if (option_of(fd, SO_ACCEPTCONN) == 1) return passed_kind::listening;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
  return connected ? passed_kind::connection : passed_kind::idle_socket;
}

}  // namespace

listen_announcement read_listen_variables(const listen_variables& variables, pid_t self) {
  listen_announcement result;
  if (!variables.count) return result;
  const std::optional<std::size_t> pid = variables.pid ? number(*variables.pid) : std::nullopt;
  const std::optional<std::size_t> count = number(*variables.count);
  if (!variables.pid) {
    result.trouble = "LISTEN_FDS is set, but LISTEN_PID is not";
  } else if (!pid) {
    result.trouble = "LISTEN_PID=" + printable(*variables.pid) + " is no process";
  } else if (*pid != static_cast<std::size_t>(self)) {
    result.trouble = "LISTEN_FDS is meant for process " + std::to_string(*pid) + ", this is " + std::to_string(self);
  } else if (!count || *count > most_passed) {
    result.trouble = "LISTEN_FDS=" + printable(*variables.count) + " is no number of descriptors";
  } else {
    result.names = names_for(*count, variables.names.value_or(std::string()));
  }
  return result;
}

std::string describe(const passed_descriptor& one) {
  std::string text = "fd " + std::to_string(one.fd.get()) + ", `" + one.name + "`";
  if (one.kind != passed_kind::no_socket) text += ", " + to_string(one.address);
  return text;
}

std::string_view what_is_wrong_with(passed_kind kind) noexcept {
  switch (kind) {
    case passed_kind::listening: break;
    case passed_kind::connection: return "is a connection, not a listener: the socket unit needs Accept=no";
    case passed_kind::idle_socket: return "does not listen";
    case passed_kind::other_socket: return "is no stream socket: the socket unit needs ListenStream=";
    case passed_kind::no_socket: return "is no socket";
  }
  return {};
}

passed_descriptors take_passed_descriptors() {
  listen_announcement announced =
      read_listen_variables({variable("LISTEN_FDS"), variable("LISTEN_PID"), variable("LISTEN_FDNAMES")}, ::getpid());
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}) ::unsetenv(name);
  passed_descriptors result;
  result.trouble = std::move(announced.trouble);
  int fd = first_passed;
  for (std::string& name : announced.names) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) {
      result.trouble =
          "LISTEN_FDS=" + std::to_string(announced.names.size()) + ", but fd " + std::to_string(fd) + " is not open";
      break;
    }
    passed_descriptor& one = result.all.emplace_back();
    one.fd.reset(fd++);
    one.name = std::move(name);
    one.address = local_address(one.fd.get());
    one.kind = kind_of(one.fd.get(), one.address);
    ::fcntl(one.fd.get(), F_SETFD, FD_CLOEXEC);
    // A descriptor that is none of ours keeps its flags: they are those of everybody who has it.
    if (one.kind == passed_kind::listening) ::fcntl(one.fd.get(), F_SETFL, flags | O_NONBLOCK);
  }
  return result;
}

}  // namespace sluice::sys
