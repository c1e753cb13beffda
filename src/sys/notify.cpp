#include "sys/notify.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::sys {
namespace {

std::optional<socket_address> notify_address(std::string_view where) {
  if (where.front() == '@') return socket_address::from_unix_abstract(where.substr(1));
  if (where.front() == '/') return socket_address::from_unix_path(where);
  return std::nullopt;
}

std::optional<std::uint64_t> number(const char* text) noexcept {
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

int notify(std::string_view text, std::chrono::milliseconds longest_wait) noexcept {
  const char* where = std::getenv("NOTIFY_SOCKET");
  if (where == nullptr || *where == '\0') return 0;
  const std::optional<socket_address> manager = notify_address(where);
  if (!manager) return EINVAL;
  const unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const timeval wait{longest_wait.count() / 1'000, longest_wait.count() % 1'000 * 1'000};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) return errno;
  const int flags = MSG_NOSIGNAL | (longest_wait.count() == 0 ? MSG_DONTWAIT : 0);  // a time of 0 is for ever
  ssize_t sent;
  do {
    sent = ::sendto(socket.get(), text.data(), text.size(), flags, manager->raw(), manager->length());
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

std::optional<std::chrono::microseconds> watchdog_interval() noexcept {
  const std::optional<std::uint64_t> interval = number(std::getenv("WATCHDOG_USEC"));
  if (!interval || *interval == 0 || *interval > INT64_MAX) return std::nullopt;
  if (const char* meant_for = std::getenv("WATCHDOG_PID")) {
    if (number(meant_for) != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  }
  return std::chrono::microseconds(*interval);
}

}  // namespace sluice::sys
