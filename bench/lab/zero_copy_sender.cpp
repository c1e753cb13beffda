#include "zero_copy_sender.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "calls.hpp"

namespace sluice::bench::lab {
namespace {

constexpr std::uint64_t sends_between_looks = 16;
constexpr int patience_ms = 10'000;

}  // namespace

zero_copy_sender::zero_copy_sender(const unique_fd& socket) : socket_(socket.get()) {
  const int on = 1;
  calls::done("SO_ZEROCOPY", setsockopt(socket_, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on));
}

std::size_t zero_copy_sender::send(std::span<const std::byte> memory) {
  if (sends_ != 0 && sends_ % sends_between_looks == 0) {
    while (read_notice()) {
    }
  }
  while (true) {
    const ssize_t sent = ::send(socket_, memory.data(), memory.size(), MSG_ZEROCOPY | MSG_NOSIGNAL);
    if (sent < 0 && errno == ENOBUFS && noticed_sends_ < sends_) {  // too many pages pinned
      ++calls::made;
      ++out_of_room_;
      wait_for_notice();
      continue;
    }
    const std::size_t bytes = calls::moved("send with MSG_ZEROCOPY", sent);
    ++sends_;
    return bytes;
  }
}

/// One notice may tell of many sends: it names the first and the last.
bool zero_copy_sender::read_notice() {
  alignas(cmsghdr) std::array<char, 128> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ++calls::made;
  if (recvmsg(socket_, &message, MSG_ERRQUEUE) < 0) {
    if (errno == EAGAIN) return false;
    throw refusal("recvmsg with MSG_ERRQUEUE", errno);
  }
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_IP || part->cmsg_type != IP_RECVERR) continue;
    sock_extended_err notice{};
    std::memcpy(&notice, CMSG_DATA(part), sizeof notice);
    if (notice.ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
    const std::uint64_t sends = std::uint64_t{notice.ee_data} - notice.ee_info + 1;
    ++notices_;
    noticed_sends_ += sends;
    if ((notice.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0) copied_sends_ += sends;
  }
  return true;
}

void zero_copy_sender::wait_for_notice() {
  while (!read_notice()) {
    pollfd errors{.fd = socket_, .events = 0, .revents = 0};  // POLLERR needs no asking
    ++calls::made;
    if (poll(&errors, 1, patience_ms) == 0) throw std::runtime_error("a MSG_ZEROCOPY notice is overdue");
  }
}

void zero_copy_sender::wait_for_all() {
  while (noticed_sends_ < sends_) wait_for_notice();
}

std::string zero_copy_sender::summary() const {
  return std::to_string(sends_) + " sends, " + std::to_string(notices_) + " notices, " + std::to_string(copied_sends_) +
         " copied" + (out_of_room_ != 0 ? ", " + std::to_string(out_of_room_) + " times ENOBUFS" : "");
}

}  // namespace sluice::bench::lab
