#include "support/name_server.hpp"

#include <stdexcept>

#include "support/free_ports.hpp"
#include "support/sluice_process.hpp"

namespace sluice::support {

name_server::name_server() : program_(require_program("dnsmasq", "dnsmasq-base")), port_(free_ports()) {}

void name_server::start(const std::string& lines) {
  stop();
  const std::string conf = files_.write(
      "dnsmasq.conf", "port=" + std::to_string(port_) +
                          "\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\nlocal=/test/\n"
                          "local-ttl=1\nlog-facility=-\npid-file=\nuser=\ngroup=\n" +
                          lines);
  process_ = std::make_unique<process>(launch{.argv = {program_, "--keep-in-foreground", "--conf-file=" + conf}});
  if (!process_->wait_output("started")) throw std::runtime_error("dnsmasq said:\n" + process_->output());
}

void name_server::stop() {
  if (!process_) return;
  process_->signal(SIGTERM);
  process_->signal(SIGCONT);  // it may be frozen
  if (!process_->wait_exit()) throw std::runtime_error("dnsmasq does not end");
  process_.reset();
}

}  // namespace sluice::support
