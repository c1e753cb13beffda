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

listener::listener(sys::shared_fd fd, std::uint32_t tag, admission& of_process, admission& of_service,
                   full_action when_full, accept_handler& handler)
    : fd_(std::move(fd)),
      tag_(tag),
      of_process_(of_process),
      of_service_(of_service),
      when_full_(when_full),
      handler_(handler) {}

bool listener::take_batch() noexcept {
  if (paused_ || !fd_) return false;
  if (when_full_ == full_action::reset) return take_or_reject();
  auto full = pause_reason::process_full;
  const std::uint32_t permits = take_permits(batch_size, full);
  if (permits == 0) {
    pause(full, 0);
    return false;
  }
  std::uint32_t used = 0;
  int error = 0;
  for (std::uint32_t tries = 0; tries < batch_size && used < permits; ++tries) {
    accepted client;
    error = accept_one(client);
    if (error == 0) {
      ++used;
      hand_over(std::move(client));
    } else if (!is_clients_own(error)) {
      break;
    }
  }
  of_process_.give_back(permits - used);
  of_service_.give_back(permits - used);
  return may_go_on(error, used);
}

/// A place is taken for a client that is there, not for a batch that may come: places held in vain would have another
/// worker reset clients below the limit.
bool listener::take_or_reject() noexcept {
  std::uint32_t taken = 0;
  int error = 0;
  auto full = pause_reason::process_full;
  for (std::uint32_t tries = 0; tries < batch_size; ++tries) {
    accepted client;
    error = accept_one(client);
    if (error == 0) {
      ++taken;
      if (take_permits(1, full) == 1) {
        hand_over(std::move(client));
      } else {
        sys::reset_on_close(client.client.get());
        handler_.on_rejected(*this);
      }
    } else if (!is_clients_own(error)) {
      break;
    }
  }
  return may_go_on(error, taken);
}

int listener::accept_one(accepted& client) noexcept {
  sys::fd_result taken = sys::accept(fd_->get(), client.peer);
  client.client = std::move(taken.fd);
  return taken.error;
}

/// A place of each limit was taken for it.
void listener::hand_over(accepted&& client) noexcept {
  client.of_process = permit(of_process_);
  client.of_service = permit(of_service_);
  handler_.on_accepted(*this, std::move(client));
}

void listener::stop() noexcept {
  stopped_ = true;
  paused_ = false;  // what it waited for may have come
  while (take_batch()) {
  }
  fd_.reset();
}

std::uint32_t listener::take_permits(std::uint32_t wanted, pause_reason& full) noexcept {
  full = pause_reason::process_full;
  const std::uint32_t of_process = of_process_.take(wanted);
  if (of_process == 0) return 0;
  const std::uint32_t of_service = of_service_.take(of_process);
  full = pause_reason::service_full;
  of_process_.give_back(of_process - of_service);
  return of_service;
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
