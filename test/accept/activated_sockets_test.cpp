#include "accept/activated_sockets.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::accept;
namespace support = sluice::support;

namespace {

sys::passed_descriptor passed(const std::string& name, sys::unique_fd fd) {
  sys::passed_descriptor one;
  one.name = name;
  one.address = sys::local_address(fd.get());
  one.kind = sys::passed_kind::listening;
  one.fd = std::move(fd);
  return one;
}

sys::unique_fd listen_at(const sys::socket_address& address, bool only_ipv6 = false) {
  sys::fd_result made = sys::make_socket(address.family());
  if (address.family() == AF_INET6)
    REQUIRE(sys::set_option(made.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, only_ipv6 ? 1 : 0) == 0);
  REQUIRE(sys::bind(made.fd.get(), address) == 0);
  REQUIRE(sys::listen(made.fd.get(), 16) == 0);
  return std::move(made.fd);
}

template <typename... One>
activated_sockets sockets(One... one) {
  sys::passed_descriptors all;
  (all.all.push_back(std::move(one)), ...);
  return activated_sockets(std::move(all));
}

listen_spec wanting(const sys::socket_address& address, bool dual_stack = false) {
  listen_spec spec;
  spec.address = address;
  spec.dual_stack = dual_stack;
  return spec;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int option_of(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

TEST_CASE("activated: a name takes every listening descriptor that has it, in their order", "[accept][activated]") {
  const support::fd_baseline descriptors;
  support::listening_socket first = support::listen_tcp();
  support::listening_socket second = support::listen_unix();
  activated_sockets all = sockets(passed("web", std::move(first.fd)), passed("other", support::listen_tcp().fd),
                                  passed("web", std::move(second.fd)));
  const auto taken = all.take_named("web");
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].address == first.address);
  CHECK(taken[1].address == second.address);
  CHECK(all.take_named("web").empty());
  CHECK(all.complaints().size() == 1);
}

TEST_CASE("activated: an address takes what is bound to it and nothing else", "[accept][activated]") {
  const support::fd_baseline descriptors;
  support::listening_socket four = support::listen_tcp();
  support::listening_socket six = support::listen_tcp(AF_INET6);
  support::listening_socket abstract = support::listen_unix();
  const auto addresses = {four.address, six.address, abstract.address};
  sys::socket_address elsewhere = four.address;
  elsewhere.set_port(1);
  activated_sockets all =
      sockets(passed("a", std::move(four.fd)), passed("b", std::move(six.fd)), passed("c", std::move(abstract.fd)));
  CHECK(all.take_bound(wanting(elsewhere)).empty());
  CHECK(all.take_bound(wanting(*sys::socket_address::from_unix_path("/no/such.sock"))).empty());
  for (const sys::socket_address& address : addresses) {
    const auto taken = all.take_bound(wanting(address));
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].address == address);
  }
  CHECK(all.complaints().empty());
}

TEST_CASE("activated: a bare port takes a dual-stack wildcard, or one of each family; a loopback address never",
          "[accept][activated]") {
  const support::fd_baseline descriptors;
  SECTION("dual") {
    sys::unique_fd dual = listen_at(sys::socket_address::any_ipv6(0));
    const std::uint16_t port = sys::local_address(dual.get()).port();
    activated_sockets all = sockets(passed("a", std::move(dual)));
    CHECK(all.take_bound(wanting(sys::socket_address::any_ipv4(port))).empty());
    CHECK(all.take_bound(wanting(sys::socket_address::any_ipv6(port), true)).size() == 1);
  }
  SECTION("one of each") {
    // Free in both families: a dual-stack socket has just had it.
    const std::uint16_t port = sys::local_address(listen_at(sys::socket_address::any_ipv6(0)).get()).port();
    activated_sockets all = sockets(passed("a", listen_at(sys::socket_address::any_ipv6(port), true)),
                                    passed("a", listen_at(sys::socket_address::any_ipv4(port))));
    CHECK(all.take_bound(wanting(sys::socket_address::any_ipv6(port), true)).size() == 2);
  }
  SECTION("loopback") {
    const support::listening_socket only = support::listen_tcp();
    activated_sockets all = sockets(passed("a", sys::unique_fd(::fcntl(only.fd.get(), F_DUPFD_CLOEXEC, 3))));
    CHECK(all.take_bound(wanting(sys::socket_address::any_ipv6(only.address.port()), true)).empty());
    CHECK(has(all.what_blocks(sys::socket_address::any_ipv6(only.address.port())), to_string(only.address)));
    CHECK(all.what_blocks(sys::socket_address::any_ipv6(1)).empty());
  }
}

TEST_CASE("activated: a socket file is the same however its path is written", "[accept][activated]") {
  const support::fd_baseline descriptors;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  std::filesystem::create_directory_symlink(folder / "", folder / "link");
  const std::string name = GENERATE(as<std::string>(), "a.sock", "./a.sock", "link/a.sock", "b.sock");
  const std::string written = folder / name.c_str();
  CAPTURE(written);
  activated_sockets all = sockets(passed("a", listen_at(*sys::socket_address::from_unix_path(path))));
  const bool same = name != "b.sock";
  CHECK(all.take_bound(wanting(*sys::socket_address::from_unix_path(written))).size() == (same ? 1 : 0));
}

TEST_CASE("activated: what cannot be listened on is not taken; why, says the complaint", "[accept][activated]") {
  const support::fd_baseline descriptors;
  sys::passed_descriptor one = passed("web", support::listen_tcp().fd);
  const auto [kind, why] = GENERATE(table<sys::passed_kind, std::string>({
      {sys::passed_kind::connection, "Accept=no"},
      {sys::passed_kind::other_socket, "ListenStream="},
      {sys::passed_kind::idle_socket, "does not listen"},
      {sys::passed_kind::no_socket, "no socket"},
  }));
  one.kind = kind;
  const sys::socket_address where = one.address;
  activated_sockets all = sockets(std::move(one));
  CHECK(all.take_named("web").empty());
  CHECK(all.take_bound(wanting(where)).empty());
  CHECK(has(all.why_none_named("web"), why));
  REQUIRE(all.complaints().size() == 1);
  CHECK(has(all.complaints()[0], why));
  CHECK(has(all.complaints()[0], "it is closed"));
}

TEST_CASE("activated: a name that nothing has is answered with what there is, and what to do", "[accept][activated]") {
  const activated_sockets some = sockets(passed("b", support::listen_tcp().fd), passed("a", support::listen_tcp().fd),
                                         passed("b", support::listen_tcp().fd));
  CHECK(has(some.why_none_named("web"), "only `b`, `a`;"));
  CHECK(has(some.why_none_named("web"), "FileDescriptorName=web"));
  const activated_sockets none(sys::passed_descriptors{{}, "LISTEN_FDS is meant for process 1, this is 2"});
  CHECK(has(none.why_none_named("web"), "no descriptor was passed (LISTEN_FDS is meant for process 1, this is 2)"));
  REQUIRE(none.complaints().size() == 1);
  CHECK(has(none.complaints()[0], "meant for process 1"));
}

TEST_CASE("activated: options are those of the configuration, not of an earlier process", "[accept][activated]") {
  const support::fd_baseline descriptors;
  support::listening_socket used = support::listen_tcp();
  const int fd = used.fd.get();
  sys::side_options before;
  before.keepalive = std::chrono::seconds(30);
  before.user_timeout = std::chrono::seconds(9);
  before.notsent_lowat = 4'096;
  REQUIRE(sys::apply_options(fd, AF_INET, before) == 0);
  listen_spec spec;
  spec.options.nodelay = false;
  spec.options.user_timeout = std::chrono::seconds(5);
  const listening_socket now = adopt(passed("web", std::move(used.fd)), spec);
  REQUIRE(now);
  CHECK(now.address == used.address);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 0);
  CHECK(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 5'000);
}
