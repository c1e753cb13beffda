#include "support/network.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "support/catch.hpp"
#include "support/process.hpp"

namespace sluice::support {
namespace {

constexpr const char* here = "/proc/thread-self/ns/net";

sys::unique_fd current_network() {
  sys::unique_fd fd(::open(here, O_RDONLY | O_CLOEXEC));
  if (!fd) throw std::system_error(errno, std::generic_category(), here);
  return fd;
}

void enter(int network) {
  if (::setns(network, CLONE_NEWNET) != 0) throw std::system_error(errno, std::generic_category(), "setns");
}

std::string run_words(const std::string& program, const std::string& package, const std::string& words) {
  launch how{.argv = {require_program(program, package)}};
  std::istringstream split(words);
  for (std::string word; split >> word;) how.argv.push_back(word);
  const run_result ended = run(how);
  if (ended.code != 0) throw std::runtime_error(program + ' ' + words + ": " + ended.output);
  return ended.output;
}

}  // namespace

own_network::own_network() : before_(current_network()) {
  if (::unshare(CLONE_NEWNET) != 0) throw std::system_error(errno, std::generic_category(), "unshare");
  own_ = current_network();
  run_ip("link set lo up");
}

own_network::~own_network() { ::setns(before_.get(), CLONE_NEWNET); }

visit_network::visit_network(int network) : before_(current_network()) { enter(network); }

visit_network::~visit_network() { ::setns(before_.get(), CLONE_NEWNET); }

bool may_make_networks() {
  try {
    const own_network tried;
    return true;
  } catch (const std::system_error& problem) {
    WARN("not run: it needs a network of its own, for root alone (" << problem.what() << ")");
    return false;
  }
}

std::string run_ip(const std::string& words) { return run_words("ip", "iproute2", words); }
std::string run_nft(const std::string& words) { return run_words("nft", "nftables", words); }

void set_sysctl(const std::string& name, const std::string& value) {
  std::ofstream file("/proc/sys/" + name);
  file << value << std::flush;
  if (!file) throw std::runtime_error("can't write /proc/sys/" + name);
}

unsigned long network_counter(const std::string& group, const std::string& name) {
  std::ifstream file("/proc/thread-self/net/netstat");
  for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
    if (!names.starts_with(group + ':')) continue;
    std::istringstream of_names(names);
    std::istringstream of_values(values);
    for (std::string one, value; of_names >> one && of_values >> value;)
      if (one == name) return std::stoul(value);
  }
  throw std::runtime_error("no counter " + group + ' ' + name);
}

unsigned long tcp_memory_pages() {
  std::ifstream file("/proc/thread-self/net/sockstat");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("TCP:")) continue;
    return std::stoul(line.substr(line.find(" mem ") + 5));
  }
  throw std::runtime_error("no TCP in /proc/net/sockstat");
}

}  // namespace sluice::support
