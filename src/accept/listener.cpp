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

listener::listener(sys::unique_fd fd, std::uint32_t tag, admission& of_process, admission& of_service,
                   full_action when_full, accept_handler& handler)
    : fd_(std::move(fd)),
      tag_(tag),
      of_process_(of_process),
      of_service_(of_service),
      when_full_(when_full),
      handler_(handler) {}

bool listener::take_batch() noexcept {
  if (paused_ || !fd_) return false;
  const std::uint32_t permits = take_permits(batch_size);
  if (permits == 0) {
    if (when_full_ == full_action::reset) return reject_batch();
    pause(pause_reason::limit_reached, 0);
    return false;
  }
  std::uint32_t used = 0;
  int error = 0;
  for (std::uint32_t tries = 0; tries < batch_size && used < permits; ++tries) {
    accepted client;
    sys::fd_result taken = sys::accept(fd_.get(), client.peer);
    error = taken.error;
    if (!taken) {
      if (is_clients_own(error)) continue;
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
  return may_go_on(error, used);
}

void listener::stop() noexcept {
  stopped_ = true;
  paused_ = false;  // what it waited for may have come
  while (take_batch()) {
  }
  fd_.reset();
}

std::uint32_t listener::take_permits(std::uint32_t wanted) noexcept {
  const std::uint32_t of_process = of_process_.take(wanted);
  if (of_process == 0) return 0;
  const std::uint32_t of_service = of_service_.take(of_process);
  of_process_.give_back(of_process - of_service);
  return of_service;
}

bool listener::reject_batch() noexcept {
  std::uint32_t rejected = 0;
  int error = 0;
  for (std::uint32_t tries = 0; tries < batch_size; ++tries) {
    sys::socket_address peer;
    const sys::fd_result taken = sys::accept(fd_.get(), peer);
    error = taken.error;
    if (!taken) {
      if (is_clients_own(error)) continue;
      break;
    }
    ++rejected;
    sys::reset_on_close(taken.fd.get());
    handler_.on_rejected(*this);
  }
  return may_go_on(error, rejected);
}

/// A batch that met nothing but errors of clients is not let accept: a sandbox says EPERM for ever, and takes nobody
/// out of the queue.
bool listener::may_go_on(int error, std::uint32_t taken) noexcept {
  if (error == 0 || (is_clients_own(error) && taken > 0)) return true;
  if (error != EAGAIN) pause(pause_reason::no_resources, error);
  return false;
}

void listener::pause(pause_reason why, int error) noexcept {
  paused_ = true;
  if (!stopped_) handler_.on_paused(*this, why, error);
}

}  // namespace sluice::accept
