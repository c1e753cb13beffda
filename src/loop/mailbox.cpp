#include "loop/mailbox.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

namespace sluice::loop {

mailbox::mailbox() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!wake_) throw std::system_error(errno, std::system_category(), "eventfd");
}

void mailbox::wake() noexcept {
  // Every write is an edge, whatever the counter says; one edge brings the worker to all messages.
  if (!woken_.exchange(true, std::memory_order_acq_rel)) ::eventfd_write(wake_.get(), 1);
}

void mailbox::read() {
  // Cleared first: a message posted from here on makes its own edge, and those before are in the queue.
  woken_.exchange(false, std::memory_order_acq_rel);
  io_.restart();
  io_.poll();
}

}  // namespace sluice::loop
