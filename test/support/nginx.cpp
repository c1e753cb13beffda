#include "support/nginx.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/loopback.hpp"
#include "support/peer_server.hpp"

namespace sluice::support {
namespace {

bool answers_at(const std::string& address) {
  try {
    connect_to(parse_address(address), io_mode::non_blocking, std::chrono::seconds(1));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

nginx_server::nginx_server(std::string name, std::string address)
    : program_(require_program("nginx", "nginx")), name_(std::move(name)), address_(std::move(address)) {}

nginx_server::~nginx_server() {
  if (process_) ::kill(-process_->pid(), SIGKILL);
}

std::string nginx_server::configuration() const {
  std::string temporary;
  for (const char* what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    temporary += std::string(what) + "_temp_path " + (files_ / what) + ";\n";
  return "daemon off;\nworker_processes 1;\npid " + (files_ / "pid") +
         ";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nsendfile on;\n" + temporary +
         (rate_ == 0 ? "" : "limit_rate " + std::to_string(rate_) + ";\n") + "server {\nlisten " + address_ +
         ";\nroot " + root_.path().string() + ";\nadd_header Served-By " + name_ + ";\nlocation = / { return " +
         (answers_ ? "200 " + name_ : "444") + "; }\nlocation = /up { return 200 up; }\n}\n}\n";
}

void nginx_server::start() {
  const std::string conf = files_.write("nginx.conf", configuration());
  // In a group of its own, so that a signal reaches master and worker at the same moment.
  process_ =
      std::make_unique<process>(launch{{"setsid", program_, "-e", "stderr", "-c", conf, "-p", files_.path().string()}});
  const bool is_up = wait_until([&] { return answers_at(address_) || !process_->running(); });
  if (!is_up || !process_->running())
    throw std::runtime_error("nginx does not answer; it said:\n" + process_->output());
}

void nginx_server::stop_in_order() {
  process_->signal(SIGQUIT);
  if (!process_->wait_exit()) throw std::runtime_error("nginx does not end; it said:\n" + process_->output());
  process_.reset();
}

void nginx_server::kill() {
  signal_all(SIGKILL);
  process_->wait_exit();
  // Its worker is nobody's child now, and its port is closed when it is gone.
  if (!wait_until([&] { return ::kill(-process_->pid(), 0) != 0 && errno == ESRCH; }))
    throw std::runtime_error("nginx does not die");
  process_.reset();
}

void nginx_server::signal_all(int number) const {
  if (::kill(-process_->pid(), number) != 0) throw std::system_error(errno, std::generic_category(), "kill");
}

}  // namespace sluice::support
