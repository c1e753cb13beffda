#include "support/full_backlog.hpp"

#include <chrono>
#include <stdexcept>

#include "sys/socket.hpp"

namespace sluice::support {

full_backlog::full_backlog() : listener_(listen_tcp(AF_INET, 0)) {
  constexpr std::chrono::milliseconds refused_by_silence{100};
  for (int i = 0; i < 16; ++i) {
    sys::fd_result made = sys::make_socket(AF_INET);
    sys::connect(made.fd.get(), listener_.address);
    const bool taken = wait_writable(made.fd.get(), refused_by_silence);
    if (!taken) return;  // and this one, closed, leaves no SYN behind that would be answered later
    waiting_.push_back(std::move(made.fd));
  }
  throw std::runtime_error("the backlog does not fill up");
}

}  // namespace sluice::support
