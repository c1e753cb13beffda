#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "sys/unique_fd.hpp"

/// Networks of a test's own. They need root, and leave nothing behind.
namespace sluice::support {

/// Makes a network namespace with a loopback interface and moves this thread there, for its life. Programs and threads
/// that the thread starts meanwhile live there too; other threads stay where they are.
class own_network {
 public:
  /// Throws if this process may not.
  own_network();
  own_network(const own_network&) = delete;
  own_network& operator=(const own_network&) = delete;
  ~own_network();

  int fd() const noexcept { return own_.get(); }

 private:
  friend class visit_network;
  sys::unique_fd before_;
  sys::unique_fd own_;
};

/// While it lives, this thread is in another network.
class visit_network {
 public:
  explicit visit_network(int network);
  visit_network(const visit_network&) = delete;
  visit_network& operator=(const visit_network&) = delete;
  ~visit_network();

 private:
  sys::unique_fd before_;
};

/// Tests of a network of their own begin with it: false, with a warning that says so, where this process may not.
bool may_make_networks();

/// What ip(8) says with these words, in this thread's network. Throws if it fails.
std::string run_ip(const std::string& words);
/// The same for nft(8).
std::string run_nft(const std::string& words);
/// Writes /proc/sys/NAME as this thread's network has it.
void set_sysctl(const std::string& name, const std::string& value);
/// A counter of /proc/net/netstat, such as "TcpExt", "ListenOverflows".
unsigned long network_counter(const std::string& group, const std::string& name);
/// Pages that TCP uses in the whole kernel.
unsigned long tcp_memory_pages();

}  // namespace sluice::support
