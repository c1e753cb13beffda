#include "accept/activated_sockets.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::accept {
namespace {

bool is_wildcard(const sys::socket_address& where) noexcept {
  if (where.family() == AF_INET) return where.ipv4().sin_addr.s_addr == INADDR_ANY;
  return where.family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&where.ipv6().sin6_addr);
}

/// The same file, whichever way its path is written.
bool same_file(const sys::socket_address& left, const sys::socket_address& right) {
  const std::string a = to_string(left);
  const std::string b = to_string(right);
  if (a == b) return true;
  const std::size_t prefix = std::string_view("unix:").size();
  if (a.find('@') == prefix || b.find('@') == prefix) return false;
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str() + prefix, &one) == 0 && ::stat(b.c_str() + prefix, &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool fits(const sys::socket_address& bound, const listen_spec& wanted) {
  if (wanted.address.is_unix()) return bound.is_unix() && same_file(bound, wanted.address);
  if (wanted.dual_stack) return is_wildcard(bound) && bound.port() == wanted.address.port();
  return bound == wanted.address;
}

/// Would bind(2) say that the address is in use?
bool blocks(const sys::socket_address& bound, const sys::socket_address& wanted) {
  if (wanted.is_unix() || bound.is_unix()) return bound.is_unix() && wanted.is_unix() && same_file(bound, wanted);
  return bound.port() == wanted.port() && (is_wildcard(bound) || is_wildcard(wanted) || bound == wanted);
}

}  // namespace

activated_sockets::activated_sockets(sys::passed_descriptors passed) : passed_(std::move(passed)) {}

template <typename Fits>
std::vector<sys::passed_descriptor> activated_sockets::take(Fits fitting) {
  std::vector<sys::passed_descriptor>& all = passed_.all;
  const auto first = std::stable_partition(all.begin(), all.end(), [&](const sys::passed_descriptor& one) {
    return one.kind != sys::passed_kind::listening || !fitting(one);
  });
  std::vector<sys::passed_descriptor> taken(std::make_move_iterator(first), std::make_move_iterator(all.end()));
  all.erase(first, all.end());
  return taken;
}

std::vector<sys::passed_descriptor> activated_sockets::take_named(std::string_view name) {
  return take([&](const sys::passed_descriptor& one) { return one.name == name; });
}

std::vector<sys::passed_descriptor> activated_sockets::take_bound(const listen_spec& wanted) {
  return take([&](const sys::passed_descriptor& one) { return fits(one.address, wanted); });
}

std::string activated_sockets::why_none_named(std::string_view name) const {
  std::string others;
  for (const sys::passed_descriptor& one : passed_.all) {
    if (one.name == name) return describe(one) + ' ' + std::string(sys::what_is_wrong_with(one.kind));
    if (others.find('`' + one.name + '`') == std::string::npos)
      others += (others.empty() ? "`" : ", `") + one.name + '`';
  }
  const std::string remedy = "; write FileDescriptorName=" + std::string(name) + " in the socket unit, and start that";
  if (!others.empty()) return "no descriptor of that name was passed, only " + others + remedy;
  return "no descriptor was passed" + (passed_.trouble.empty() ? "" : " (" + passed_.trouble + ')') + remedy;
}

std::string activated_sockets::what_blocks(const sys::socket_address& address) const {
  const auto found = std::find_if(passed_.all.begin(), passed_.all.end(), [&](const sys::passed_descriptor& one) {
    return one.kind != sys::passed_kind::no_socket && blocks(one.address, address);
  });
  return found == passed_.all.end() ? std::string() : describe(*found);
}

std::vector<std::string> activated_sockets::complaints() const {
  std::vector<std::string> lines;
  if (!passed_.trouble.empty()) lines.push_back("no descriptors were taken over: " + passed_.trouble);
  for (const sys::passed_descriptor& one : passed_.all) {
    const std::string wrong(sys::what_is_wrong_with(one.kind));
    lines.push_back("a descriptor was passed that " + (wrong.empty() ? "belongs to no listener" : wrong) + ": " +
                    describe(one) + "; it is closed");
  }
  return lines;
}

listening_socket adopt(sys::passed_descriptor&& passed, const listen_spec& spec) {
  sys::clear_options(passed.fd.get(), passed.address.family());
  sys::apply_options(passed.fd.get(), passed.address.family(), spec.options);
  listening_socket result;
  result.fd = std::move(passed.fd);
  result.address = passed.address;
  return result;
}

}  // namespace sluice::accept
