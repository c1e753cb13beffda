#include "loop/edge_set.hpp"

#include <utility>

namespace sluice::loop {

edge_set::edge_set(boost::asio::io_context& io, std::function<void()> on_ready)
    : watched_(io), on_ready_(std::move(on_ready)) {
  if (poll_.fd() < 0)
    throw boost::system::system_error(poll_.error(), boost::system::system_category(), "epoll_create1");
  watched_.assign(poll_.fd());
}

// The set belongs to poll_: Asio must let go of the descriptor, not close it.
edge_set::~edge_set() {
  watched_.release();
}

void edge_set::arm() {
  watched_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) on_ready_();
  });
}

}  // namespace sluice::loop
