#include "server/manager_status.hpp"

#include <cstdlib>
#include <utility>

#include "sys/notify.hpp"

namespace sluice::server {
namespace {

constexpr std::chrono::seconds interval{3};
/// For what comes after the last session, on a machine that is slow to do it.
constexpr std::chrono::seconds to_end{5};

bool has_manager() {
  const char* where = std::getenv("NOTIFY_SOCKET");
  return where != nullptr && *where != '\0';
}

}  // namespace

std::string count_of(std::size_t n, std::string_view what) {
  return std::to_string(n) + ' ' + std::string(what) + (n == 1 ? "" : "s");
}

manager_status::manager_status(boost::asio::io_context& io, std::function<std::uint32_t()> sessions)
    : timer_(io), sessions_(std::move(sessions)) {}

void manager_status::ready(const std::string& summary, std::size_t listeners) {
  listeners_ = listeners;
  told_ = line();
  sys::notify("READY=1\nSTATUS=" + summary);
  if (has_manager()) wait();
}

void manager_status::stopping(std::chrono::milliseconds at_most) {
  stopping_ = true;
  told_ = line();
  const auto allowed = std::chrono::duration_cast<std::chrono::microseconds>(at_most + to_end);
  sys::notify("STOPPING=1\nSTATUS=" + told_ + "\nEXTEND_TIMEOUT_USEC=" + std::to_string(allowed.count()));
}

std::string manager_status::line() const {
  const std::string sessions = count_of(sessions_(), "session");
  return stopping_ ? "draining, " + sessions + " left" : count_of(listeners_, "listener") + ", " + sessions;
}

void manager_status::update() {
  std::string now = line();
  // A manager that does not read is told next time: this thread has checks and timers to see to.
  if (now != told_ && sys::notify("STATUS=" + now, std::chrono::milliseconds(0)) == 0) told_ = std::move(now);
}

void manager_status::wait() {
  timer_.expires_after(interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    wait();  // first: it goes on even where there is no memory for the line
    update();
  });
}

}  // namespace sluice::server
