#include "sys/socket_loan.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "sys/socket.hpp"

namespace sluice::sys {
namespace {

/// 0 or errno.
int get_option(int fd, int name, int& value) noexcept {
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? 0 : errno;
}

}  // namespace

socket_loan::socket_loan(int fd) noexcept : fd_(fd) {
  int type = 0;
  int domain = 0;
  int protocol = 0;
  int listens = 0;
  int inline_already = 0;
  for (const auto& [name, value] :
       {std::pair{SO_TYPE, &type}, std::pair{SO_DOMAIN, &domain}, std::pair{SO_PROTOCOL, &protocol},
        std::pair{SO_ACCEPTCONN, &listens}, std::pair{SO_OOBINLINE, &inline_already}})
    if (error_ = get_option(fd, name, *value); error_ != 0) return;
  if (type != SOCK_STREAM) error_ = EPROTOTYPE;
  if (listens != 0) error_ = ENOTCONN;
  if (error_ != 0) return;
  tcp_ = (domain == AF_INET || domain == AF_INET6) && protocol == IPPROTO_TCP;
  const int flags = ::fcntl(fd, F_GETFL);
  if ((flags & O_NONBLOCK) == 0) was_blocking_ = ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
  if (inline_already == 0) had_oob_apart_ = set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1) == 0;
}

void socket_loan::give_back() noexcept {
  if (std::exchange(was_blocking_, false)) ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
  if (std::exchange(had_oob_apart_, false)) set_option(fd_, SOL_SOCKET, SO_OOBINLINE, 0);
}

}  // namespace sluice::sys
