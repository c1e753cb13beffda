#include "accept/listener.hpp"

#include <cerrno>
#include <utility>

namespace sluice::accept {
namespace {

/// Clients taken in one turn. More wait a turn, so that a storm does not starve those who are in.
constexpr std::uint32_t batch_size = 32;

/// accept(2) passes on errors of a connection that is already gone: they are that client's, not the listener's.
bool is_clients_own(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
  }
}

}  // namespace

listener::listener(boost::asio::io_context& io, sys::unique_fd fd, std::uint32_t tag, admission& of_process,
                   admission& of_service, full_action when_full, accept_handler& handler)
    : watched_(io),
      fd_(std::move(fd)),
      tag_(tag),
      of_process_(of_process),
      of_service_(of_service),
      when_full_(when_full),
      handler_(handler) {
  watched_.assign(fd_.get());
}

// release(), not close(): Asio's close() skips EPOLL_CTL_DEL, and a descriptor with a living duplicate goes on reporting.
listener::~listener() {
  if (watched_.is_open()) watched_.release();
}

void listener::start() { arm(); }

void listener::resume() {
  if (!paused_ || stopped_) return;
  paused_ = false;
  on_ready();
}

void listener::stop() noexcept {
  if (stopped_) return;
  stopped_ = true;
  if (!paused_)
    while (take_batch() == took::batch) {
    }
  watched_.release();
  fd_.reset();
}

void listener::arm() {
  watched_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) on_ready();
  });
}

void listener::on_ready() {
  // Asio's next wait asks the kernel again, so what is left over from a full batch is told at once.
  if (take_batch() != took::paused) arm();
}

listener::took listener::take_batch() noexcept {
  const std::uint32_t permits = take_permits(batch_size);
  if (permits == 0) return when_full_ == full_action::reset ? reject_batch() : pause(pause_reason::limit_reached, 0);
  std::uint32_t used = 0;
  std::optional<int> failure;
  while (used < permits) {
    accepted client;
    sys::fd_result taken = sys::accept(fd_.get(), client.peer);
    if (!taken) {
      if (is_clients_own(taken.error)) continue;
      failure = taken.error;
      break;
    }
    ++used;
    client.client = std::move(taken.fd);
    client.of_process = permit(of_process_);
    client.of_service = permit(of_service_);
    handler_.on_accepted(*this, std::move(client));
  }
  of_process_.give_back(permits - used);
  of_service_.give_back(permits - used);
  if (!failure) return took::batch;
  return *failure == EAGAIN ? took::all : pause(pause_reason::no_resources, *failure);
}

std::uint32_t listener::take_permits(std::uint32_t wanted) noexcept {
  const std::uint32_t of_process = of_process_.take(wanted);
  if (of_process == 0) return 0;
  const std::uint32_t of_service = of_service_.take(of_process);
  of_process_.give_back(of_process - of_service);
  return of_service;
}

listener::took listener::reject_batch() noexcept {
  for (std::uint32_t n = 0; n < batch_size; ++n) {
    sys::socket_address peer;
    const sys::fd_result taken = sys::accept(fd_.get(), peer);
    if (!taken) {
      if (is_clients_own(taken.error)) continue;
      return taken.error == EAGAIN ? took::all : pause(pause_reason::no_resources, taken.error);
    }
    sys::reset_on_close(taken.fd.get());
    handler_.on_rejected(*this);
  }
  return took::batch;
}

listener::took listener::pause(pause_reason why, int error) noexcept {
  paused_ = true;
  if (!stopped_) handler_.on_paused(*this, why, error);
  return took::paused;
}

}  // namespace sluice::accept
