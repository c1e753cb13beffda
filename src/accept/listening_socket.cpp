#include "accept/listening_socket.hpp"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "accept/directory_lock.hpp"

namespace sluice::accept {
namespace {

listening_socket failure(std::string step, int error) {
  listening_socket result;
  result.error = error;
  result.failed_step = std::move(step);
  return result;
}

/// The path of a unix address that has a file; nullopt for abstract names and IP.
std::optional<std::string> file_of(const sys::socket_address& address) {
  if (!address.is_unix()) return std::nullopt;
  const std::string text = to_string(address).substr(5);  // after "unix:"
  if (text.starts_with('@')) return std::nullopt;
  return text;
}

/// A socket file whose listener is gone refuses; anything else (an answer, a full backlog, a file of another kind) is
/// in use.
bool is_stale(const std::string& path, const sys::socket_address& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const sys::fd_result probe = sys::make_socket(AF_UNIX);
  return probe && sys::connect(probe.fd.get(), address) == ECONNREFUSED;
}

/// An id written as a number, which need not have a name (containers).
template <typename Id>
std::optional<Id> as_number(const std::string& text) {
  Id value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // The largest one means "leave it" to chown(2).
  if (error != std::errc{} || end != text.data() + text.size() || value == static_cast<Id>(-1)) return std::nullopt;
  return value;
}

/// As chown(1) has it: a name, and if there is none of that name, a number.
std::optional<uid_t> user_id(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  return entry != nullptr ? entry->pw_uid : as_number<uid_t>(user);
}

std::optional<gid_t> group_id(const std::string& name) {
  const group* entry = ::getgrnam(name.c_str());
  return entry != nullptr ? entry->gr_gid : as_number<gid_t>(name);
}

int change_owner(const std::string& path, const std::string& owner) {
  if (owner.empty()) return 0;
  const std::size_t colon = owner.find(':');
  const std::string user = owner.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : owner.substr(colon + 1);
  const auto uid = user.empty() ? static_cast<uid_t>(-1) : user_id(user);
  const auto gid = group.empty() ? static_cast<gid_t>(-1) : group_id(group);
  if (!uid || !gid) return ENOENT;
  return ::chown(path.c_str(), *uid, *gid) == 0 ? 0 : errno;
}

int bind_unix(int fd, const listen_spec& spec, const std::string& path) {
  // Nobody may connect before mode and owner are what was asked for.
  const mode_t before = ::umask(0177);
  int error = sys::bind(fd, spec.address);
  if (error == EADDRINUSE && is_stale(path, spec.address) && ::unlink(path.c_str()) == 0)
    error = sys::bind(fd, spec.address);
  ::umask(before);
  return error;
}

int set_up_socket(int fd, const listen_spec& spec) {
  if (spec.address.is_unix()) return 0;
  int error = sys::set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && spec.address.family() == AF_INET6)
    error = sys::set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, spec.dual_stack ? 0 : 1);
  return error;
}

bool ipv6_is_off(const listen_spec& spec, int error) {
  return spec.dual_stack && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

listen_spec ipv4_instead(const listen_spec& spec) {
  listen_spec changed = spec;
  changed.dual_stack = false;
  changed.address = sys::socket_address::any_ipv4(spec.address.port());
  return changed;
}

/// What has to be done with a new socket, each step once.
listening_socket open_once(const listen_spec& spec) {
  sys::fd_result made = sys::make_socket(spec.address.family());
  if (!made) return failure("socket", made.error);
  const int fd = made.fd.get();
  if (const int error = set_up_socket(fd, spec)) return failure("setsockopt", error);
  if (spec.joins_group)
    if (const int error = sys::set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return failure("SO_REUSEPORT", error);
  const auto path = file_of(spec.address);
  std::optional<path_guard> undo;
  // Until it listens a bound socket refuses like a stale one: nobody may look meanwhile.
  const directory_lock alone(path.value_or(std::string()));
  if (alone.error() != 0) return failure("lock", alone.error());
  if (const int error = path ? bind_unix(fd, spec, *path) : sys::bind(fd, spec.address)) return failure("bind", error);
  if (path) {
    undo.emplace(*path);
    if (const int error = change_owner(*path, spec.owner)) return failure("owner", error);
    if (::chmod(path->c_str(), spec.mode) != 0) return failure("chmod", errno);
  }
  if (const int error = sys::listen(fd, spec.backlog)) return failure("listen", error);
  if (undo) undo->keep();
  if (spec.starts_group)
    if (const int error = sys::set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return failure("SO_REUSEPORT", error);
  // An option that an old kernel lacks is no reason not to listen.
  sys::apply_options(fd, spec.address.family(), spec.options);
  listening_socket opened;
  opened.fd = std::move(made.fd);
  opened.address = sys::local_address(fd);
  return opened;
}

/// Two who listen on one address in the same microsecond may both be refused (each is seen by the other as listening
/// before it is): bind passed, listen did not. So whoever meets that tries again after a moment that differs.
listening_socket open_patiently(const listen_spec& spec) {
  constexpr int most_tries = 20;
  std::minstd_rand random(std::random_device{}());
  for (int tries = 1;; ++tries) {
    listening_socket opened = open_once(spec);
    if (opened || opened.error != EADDRINUSE || opened.failed_step != "listen" || tries == most_tries) return opened;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));
  }
}

}  // namespace

listening_socket open_listening_socket(const listen_spec& spec) {
  listening_socket opened = open_patiently(spec);
  return opened || !ipv6_is_off(spec, opened.error) ? std::move(opened) : open_patiently(ipv4_instead(spec));
}

std::string what_is_in_the_way(const sys::socket_address& address) {
  const auto path = file_of(address);
  struct stat status {};
  if (!path || ::lstat(path->c_str(), &status) != 0 || S_ISSOCK(status.st_mode)) return {};
  if (S_ISDIR(status.st_mode)) return "a directory";
  if (S_ISLNK(status.st_mode)) return "a symbolic link";
  return S_ISREG(status.st_mode) ? "a file" : "a special file";
}

path_guard::path_guard(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) {
    path_.clear();
    return;
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

path_guard::~path_guard() {
  struct stat status {};
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace sluice::accept
