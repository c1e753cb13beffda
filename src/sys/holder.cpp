#include "sys/holder.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

namespace sluice::sys {
namespace {

constexpr int most_lines = 100'000;
constexpr int most_descriptors = 200'000;

/// Where a socket is bound, as far as it matters for who stands in whose way. A mapped IPv4 address counts as IPv4.
struct bound_to {
  bool ipv6 = false;
  bool wildcard = false;
  std::uint32_t word[4] = {};  ///< in network byte order
  std::uint16_t port = 0;
};

struct listening_socket {
  std::uint64_t inode = 0;
  std::optional<uid_t> uid;
};

bound_to fold(bound_to where) {
  if (where.ipv6 && where.word[0] == 0 && where.word[1] == 0 && where.word[2] == htonl(0xffff)) {
    return {false, where.word[3] == 0, {where.word[3]}, where.port};
  }
  where.wildcard = std::all_of(std::begin(where.word), std::end(where.word), [](auto word) { return word == 0; });
  return where;
}

bound_to bound(const socket_address& address) {
  bound_to where;
  where.port = address.port();
  where.ipv6 = address.family() == AF_INET6;
  if (where.ipv6) {
    std::memcpy(where.word, &address.ipv6().sin6_addr, sizeof where.word);
  } else {
    where.word[0] = address.ipv4().sin_addr.s_addr;
  }
  return fold(where);
}

/// "0100007F:1F90": words of the address as this machine reads them, then the port (proc(5)).
std::optional<bound_to> parse_bound(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  bound_to where;
  where.ipv6 = colon == 32;
  for (std::size_t i = 0; i * 8 < colon; ++i) {
    if (std::from_chars(text.data() + i * 8, text.data() + i * 8 + 8, where.word[i], 16).ec != std::errc{}) return {};
  }
  if (std::from_chars(text.data() + colon + 1, text.data() + text.size(), where.port, 16).ec != std::errc{}) return {};
  return fold(where);
}

bool in_the_way(const bound_to& there, const bound_to& wanted) {
  if (there.port != wanted.port) return false;
  // A wildcard of IPv6 usually takes IPv4 too (ipv6(7), IPV6_V6ONLY).
  if (there.ipv6 != wanted.ipv6) return there.ipv6 ? there.wildcard : wanted.wildcard;
  return there.wildcard || wanted.wildcard ||
         std::equal(std::begin(there.word), std::end(there.word), std::begin(wanted.word));
}

std::optional<listening_socket> find_tcp(const char* table, const socket_address& address) {
  constexpr std::string_view listening = "0A";
  const bound_to wanted = bound(address);
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  for (int lines = 0; lines < most_lines && std::getline(file, line); ++lines) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retransmits, timeout;
    listening_socket found;
    uid_t uid = 0;
    if (!(fields >> slot >> local >> remote >> state)) continue;
    if (state != listening) break;  // the kernel lists listeners first
    if (!(fields >> queues >> timer >> retransmits >> uid >> timeout >> found.inode)) continue;
    const std::optional<bound_to> there = parse_bound(local);
    if (!there || !in_the_way(*there, wanted)) continue;
    found.uid = uid;
    return found;
  }
  return std::nullopt;
}

std::optional<listening_socket> find_unix(const socket_address& address) {
  constexpr unsigned long accepts = 0x10000;  // __SO_ACCEPTCON
  const std::string wanted = to_string(address).substr(std::strlen("unix:"));
  std::ifstream file("/proc/net/unix");
  std::string line;
  std::getline(file, line);
  for (int lines = 0; lines < most_lines && std::getline(file, line); ++lines) {
    std::istringstream fields(line);
    std::string number, references, protocol, flags, type, state, path;
    listening_socket found;
    if (!(fields >> number >> references >> protocol >> flags >> type >> state >> found.inode)) continue;
    fields >> std::ws;
    std::getline(fields, path);
    if ((std::strtoul(flags.c_str(), nullptr, 16) & accepts) != 0 && path == wanted) return found;
  }
  return std::nullopt;
}

struct directory_closer {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using directory = std::unique_ptr<DIR, directory_closer>;

/// Whether one of the descriptors in `folder` is `link`. Takes what it looked at from `budget`.
bool holds(const std::string& folder, const std::string& link, int& budget) {
  const directory descriptors(::opendir(folder.c_str()));
  if (!descriptors) return false;
  while (const dirent* entry = ::readdir(descriptors.get())) {
    if (entry->d_name[0] == '.') continue;
    if (--budget < 0) return false;
    char target[64];
    const ssize_t n = ::readlinkat(::dirfd(descriptors.get()), entry->d_name, target, sizeof target);
    if (n > 0 && std::string_view(target, static_cast<std::size_t>(n)) == link) return true;
  }
  return false;
}

std::optional<holder> process_with(std::uint64_t inode) {
  const std::string link = "socket:[" + std::to_string(inode) + ']';
  const directory processes(::opendir("/proc"));
  if (!processes) return std::nullopt;
  int budget = most_descriptors;
  while (const dirent* entry = ::readdir(processes.get())) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
    if (budget <= 0) return std::nullopt;
    const std::string process = std::string("/proc/") + entry->d_name;
    if (!holds(process + "/fd", link, budget)) continue;
    holder who;
    who.pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    std::ifstream comm(process + "/comm");
    std::getline(comm, who.comm);
    struct stat owner {};
    if (::stat(process.c_str(), &owner) == 0) who.uid = owner.st_uid;
    return who;
  }
  return std::nullopt;
}

}  // namespace

std::optional<holder> who_listens(const socket_address& address) {
  std::optional<listening_socket> found;
  switch (address.family()) {
    case AF_UNIX: found = find_unix(address); break;
    case AF_INET:
    case AF_INET6:
      found = find_tcp("/proc/net/tcp", address);
      if (!found) found = find_tcp("/proc/net/tcp6", address);
      break;
    default: break;
  }
  if (!found) return std::nullopt;
  std::optional<holder> who = process_with(found->inode);
  if (!who && found->uid) who.emplace();
  if (who && found->uid) who->uid = *found->uid;
  return who;
}

std::string describe(const holder& who) {
  if (who.pid == 0) return "a process of uid " + std::to_string(who.uid);
  std::string name = who.comm;
  // A process names itself: nothing of it may steer a terminal.
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return name + " (pid " + std::to_string(who.pid) + ')';
}

}  // namespace sluice::sys
