#include "accept/listening_socket.hpp"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

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

int change_owner(const std::string& path, const std::string& owner) {
  if (owner.empty()) return 0;
  const std::size_t colon = owner.find(':');
  const std::string user = owner.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : owner.substr(colon + 1);
  auto uid = static_cast<uid_t>(-1);
  auto gid = static_cast<gid_t>(-1);
  if (!user.empty()) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return ENOENT;
    uid = entry->pw_uid;
  }
  if (!group.empty()) {
    const ::group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return ENOENT;
    gid = entry->gr_gid;
  }
  return ::chown(path.c_str(), uid, gid) == 0 ? 0 : errno;
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

}  // namespace

listening_socket open_listening_socket(const listen_spec& spec) {
  sys::fd_result made = sys::make_socket(spec.address.family());
  if (!made)
    return ipv6_is_off(spec, made.error) ? open_listening_socket(ipv4_instead(spec)) : failure("socket", made.error);
  const int fd = made.fd.get();
  if (const int error = set_up_socket(fd, spec)) return failure("setsockopt", error);
  if (spec.one_of_several)
    if (const int error = sys::set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return failure("SO_REUSEPORT", error);
  const auto path = file_of(spec.address);
  if (const int error = path ? bind_unix(fd, spec, *path) : sys::bind(fd, spec.address))
    return ipv6_is_off(spec, error) ? open_listening_socket(ipv4_instead(spec)) : failure("bind", error);
  path_guard undo(path.value_or(std::string()));
  if (path) {
    if (const int error = change_owner(*path, spec.owner)) return failure("owner", error);
    if (::chmod(path->c_str(), spec.mode) != 0) return failure("chmod", errno);
  }
  if (const int error = sys::listen(fd, spec.backlog)) return failure("listen", error);
  undo.keep();
  // An option that an old kernel lacks is no reason not to listen.
  sys::apply_options(fd, spec.address.family(), spec.options);
  listening_socket opened;
  opened.fd = std::move(made.fd);
  opened.address = sys::local_address(opened.fd.get());
  return opened;
}

int somebody_listens(const listen_spec& spec) {
  if (spec.address.is_unix() || spec.address.port() == 0) return 0;
  const sys::fd_result probe = sys::make_socket(spec.address.family());
  if (!probe) return ipv6_is_off(spec, probe.error) ? somebody_listens(ipv4_instead(spec)) : probe.error;
  if (const int error = set_up_socket(probe.fd.get(), spec)) return error;
  const int error = sys::bind(probe.fd.get(), spec.address);
  return error != 0 && ipv6_is_off(spec, error) ? somebody_listens(ipv4_instead(spec)) : error;
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
