#pragma once

#include <atomic>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "sys/unique_fd.hpp"

namespace sluice::loop {

/// Messages to a worker: an io_context that nobody waits in, and a descriptor for the edge set the worker waits in. The
/// worker so makes one system call a wake for sockets, and Asio's only when a message came.
class mailbox {
 public:
  /// Throws std::system_error if the kernel gives no eventfd.
  mailbox();

  /// For the edge set (EPOLLIN, edge-triggered).
  int fd() const noexcept { return wake_.get(); }

  /// Runs `message` on the worker, soon. Thread: any.
  template <typename Message>
  void post(Message&& message) {
    boost::asio::post(io_, std::forward<Message>(message));
    wake();
  }

  /// Runs what came. Thread: the worker's.
  void read();

 private:
  void wake() noexcept;

  boost::asio::io_context io_{1};
  sys::unique_fd wake_;
  std::atomic<bool> woken_{false};
};

}  // namespace sluice::loop
