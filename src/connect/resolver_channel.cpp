#include "connect/resolver_channel.hpp"

#include <sys/time.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace sluice::connect {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr int tries = 2;  // of each server

struct answer_free {
  void operator()(ares_addrinfo* answer) const noexcept { ares_freeaddrinfo(answer); }
};

void start_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
}

/// "IP", "IP:port", "[IP]:port" as c-ares takes it: with port, IPv6 in brackets.
std::string server_text(const std::string& server) {
  std::string host = server;
  std::string port = std::to_string(dns_port);
  const std::size_t colon = server.rfind(':');
  const bool bracketed = !server.empty() && server.front() == '[';
  if (colon != std::string::npos && (server.find(':') == colon || (bracketed && server[colon - 1] == ']'))) {
    host = server.substr(0, colon);
    port = server.substr(colon + 1);
  }
  if (bracketed && host.size() > 2 && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::optional<sys::socket_address> parsed = sys::socket_address::from_literal(host, 0);
  const bool is_number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!parsed || !is_number || std::stoul(port) == 0 || std::stoul(port) > 65'535) {
    throw std::runtime_error("dns server '" + server + "': an IP address, with a port or without, is needed");
  }
  return (parsed->family() == AF_INET6 ? '[' + host + ']' : host) + ':' + port;
}

std::string server_list(const std::vector<std::string>& servers) {
  std::string list;
  for (const std::string& server : servers) list += (list.empty() ? "" : ",") + server_text(server);
  return list;
}

ares_options basic_options(char* lookups) {
  ares_options options{};
  options.lookups = lookups;
#ifdef ARES_OPT_QUERY_CACHE
  options.qcache_max_ttl = 0;  // we keep answers ourselves, and ask again before the TTL if it is long
#endif
  return options;
}

constexpr int basic_mask = ARES_OPT_LOOKUPS
#ifdef ARES_OPT_QUERY_CACHE
                           | ARES_OPT_QUERY_CACHE
#endif
    ;

lookup_result::kind kind_of(int status) noexcept {
  if (status == ARES_SUCCESS) return lookup_result::kind::answered;
  const bool is_nothing = status == ARES_ENODATA || status == ARES_ENOTFOUND;
  return is_nothing ? lookup_result::kind::nothing : lookup_result::kind::failed;
}

/// family: AF_UNSPEC for all.
lookup_result sorted_out(int status, const ares_addrinfo* answer, int family) {
  lookup_result result;
  int ttl = INT32_MAX;
  if (status == ARES_SUCCESS && answer != nullptr) {
    for (const ares_addrinfo_node* node = answer->nodes; node != nullptr; node = node->ai_next) {
      if (family != AF_UNSPEC && node->ai_family != family) continue;
      result.addresses.push_back(sys::socket_address::from_raw(node->ai_addr, node->ai_addrlen));
      result.addresses.back().set_port(0);
      ttl = std::min(ttl, node->ai_ttl);
    }
    for (const ares_addrinfo_cname* cname = answer->cnames; cname != nullptr; cname = cname->next) {
      ttl = std::min(ttl, cname->ttl);
    }
  }
  if (!result.addresses.empty()) {
    result.what = lookup_result::kind::answered;
    result.ttl = std::chrono::seconds(std::max(ttl, 0));
    return result;
  }
  if (status == ARES_SUCCESS) status = ARES_ENODATA;
  result.what = kind_of(status);
  result.error = ares_strerror(status);
  return result;
}

void on_hosts(void* result, int status, int, ares_addrinfo* raw) noexcept {
  const std::unique_ptr<ares_addrinfo, answer_free> answer(raw);
  *static_cast<lookup_result*>(result) = sorted_out(status, answer.get(), AF_UNSPEC);
}

ares_addrinfo_hints hints_for(int family) {
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;  // sorting by reachability opens a socket an address
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  return hints;
}

/// RFC 6761, 6.3: "localhost" and all below it are loopback whatever a file says of them, and DNS is not asked. c-ares
/// knows this since 1.20.
bool is_localhost(std::string name) {
  boost::algorithm::to_lower(name);
  return name == "localhost" || name.ends_with(".localhost");
}

lookup_result loopback() {
  return {lookup_result::kind::answered,
          {*sys::socket_address::from_literal("127.0.0.1", 0), *sys::socket_address::from_literal("::1", 0)},
          {},
          {}};
}

}  // namespace

lookup_result look_in_hosts(const std::string& name) {
  if (const auto literal = sys::socket_address::from_literal(name, 0)) {
    return {lookup_result::kind::answered, {*literal}, {}, {}};
  }
  start_library();
  char files[] = "f";
  char no_resolv_conf[] = "/dev/null";
  ares_options options = basic_options(files);
  options.resolvconf_path = no_resolv_conf;
  ares_channel channel = nullptr;
  lookup_result result;
  // A channel of its own each time: it is cheap, holds no socket, and newer versions of c-ares cache the file in it.
  if (ares_init_options(&channel, &options, basic_mask | ARES_OPT_RESOLVCONF) == ARES_SUCCESS) {
    const ares_addrinfo_hints hints = hints_for(AF_UNSPEC);
    ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, on_hosts, &result);
    ares_destroy(channel);
  }
  if (result.what == lookup_result::kind::answered) return result;
  if (is_localhost(name)) return loopback();
  result.what = lookup_result::kind::nothing;
  return result;
}

struct resolver_channel::question {
  resolver_channel* asked;
  int family;
  handler on_result;
};

struct resolver_channel::srv_question {
  resolver_channel* asked;
  srv_handler on_result;
};

/// A socket of c-ares. open is false once c-ares has said that it closes it.
struct resolver_channel::watched {
  watched(boost::asio::io_context& io, ares_socket_t fd) : descriptor(io, fd) {}

  boost::asio::posix::stream_descriptor descriptor;
  bool open = true;
  bool wants_read = false;
  bool wants_write = false;
  bool reading = false;  ///< a wait is under way
  bool writing = false;
};

resolver_channel::resolver_channel(boost::asio::io_context& io, const dns_config& settings,
                                   const std::string& resolv_conf)
    : io_(io), timer_(io) {
  const std::string servers = server_list(settings.servers);
  start_library();
  char dns_only[] = "b";
  std::string path = resolv_conf;
  ares_options options = basic_options(dns_only);
  options.timeout = static_cast<int>(settings.timeout.count());
  options.tries = tries;
  options.sock_state_cb = on_socket_state;
  options.sock_state_cb_data = this;
  options.resolvconf_path = path.data();
  const int mask = basic_mask | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
  int status = ares_init_options(&channel_, &options, mask);
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
  if (!servers.empty()) status = ares_set_servers_ports_csv(channel_, servers.c_str());
  if (status != ARES_SUCCESS) {
    ares_destroy(channel_);
    throw std::runtime_error("dns servers " + servers + ": " + ares_strerror(status));
  }
}

resolver_channel::~resolver_channel() { ares_destroy(channel_); }

void resolver_channel::ask(const std::string& name, int family, handler on_result) {
  auto asked = std::make_unique<question>(question{this, family, std::move(on_result)});
  const ares_addrinfo_hints hints = hints_for(family);
  ++in_flight_;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_answer, asked.release());
  arm_timer();
}

void resolver_channel::ask_srv(const std::string& name, srv_handler on_result) {
  constexpr int internet = 1;
  constexpr int srv = 33;
  auto asked = std::make_unique<srv_question>(srv_question{this, std::move(on_result)});
  ++in_flight_;
  ares_search(channel_, name.c_str(), internet, srv, on_srv_answer, asked.release());
  arm_timer();
}

/// Called by c-ares, at times from within ask(): posts, so that the handler may do with us what it likes.
void resolver_channel::on_answer(void* argument, int status, int, ares_addrinfo* raw) noexcept {
  const std::unique_ptr<question> asked(static_cast<question*>(argument));
  const std::unique_ptr<ares_addrinfo, answer_free> answer(raw);
  if (status == ARES_EDESTRUCTION) return;
  asked->asked->hand_over(std::move(asked->on_result), sorted_out(status, answer.get(), asked->family));
}

void resolver_channel::on_srv_answer(void* argument, int status, int, unsigned char* message, int length) noexcept {
  const std::unique_ptr<srv_question> asked(static_cast<srv_question*>(argument));
  if (status == ARES_EDESTRUCTION) return;
  srv_result result;
  if (status == ARES_SUCCESS) {
    std::optional<srv_answer> parsed = parse_srv_answer({message, static_cast<std::size_t>(length)});
    if (!parsed) status = ARES_EBADRESP;
    if (parsed && parsed->targets.empty()) status = ARES_ENODATA;
    if (parsed) result.answer = std::move(*parsed);
  }
  result.what = kind_of(status);
  if (status != ARES_SUCCESS) result.error = ares_strerror(status);
  asked->asked->hand_over(std::move(asked->on_result), std::move(result));
}

template <typename Handler, typename Result>
void resolver_channel::hand_over(Handler&& call, Result&& result) {
  boost::asio::post(io_, [this, alive = std::weak_ptr<char>(alive_), call = std::forward<Handler>(call),
                          result = std::forward<Result>(result)]() mutable {
    if (alive.expired()) return;
    --in_flight_;
    call(std::move(result));
  });
}

/// Called by c-ares when a socket is new, wants something else, or (neither) is about to be closed.
void resolver_channel::on_socket_state(void* argument, ares_socket_t fd, int readable, int writable) noexcept {
  auto* self = static_cast<resolver_channel*>(argument);
  auto place = self->sockets_.find(fd);
  if (readable == 0 && writable == 0) {
    if (place == self->sockets_.end()) return;
    place->second->open = false;
    place->second->descriptor.release();
    self->sockets_.erase(place);
    return;
  }
  if (place == self->sockets_.end()) {
    place = self->sockets_.emplace(fd, std::make_shared<watched>(self->io_, fd)).first;
  }
  place->second->wants_read = readable != 0;
  place->second->wants_write = writable != 0;
  self->wait_for(place->second);
}

void resolver_channel::wait_for(const std::shared_ptr<watched>& socket) {
  using descriptor = boost::asio::posix::stream_descriptor;
  // Only sockets_ owns a socket: after our end, or the socket's, the pointer is gone and nothing of us is touched.
  const auto wait = [&](descriptor::wait_type what, bool watched::*wants, bool watched::*waiting) {
    if (!((*socket).*wants) || (*socket).*waiting) return;
    (*socket).*waiting = true;
    socket->descriptor.async_wait(what,
                                  [this, what, wants, waiting, weak = std::weak_ptr<watched>(socket)](auto error) {
                                    const std::shared_ptr<watched> ready = weak.lock();
                                    if (error || !ready) return;
                                    (*ready).*waiting = false;
                                    if (!((*ready).*wants)) return;
                                    const ares_socket_t fd = ready->descriptor.native_handle();
                                    process(what == descriptor::wait_read ? fd : ARES_SOCKET_BAD,
                                            what == descriptor::wait_write ? fd : ARES_SOCKET_BAD);
                                    if (ready->open) wait_for(ready);
                                  });
  };
  wait(descriptor::wait_read, &watched::wants_read, &watched::reading);
  wait(descriptor::wait_write, &watched::wants_write, &watched::writing);
}

void resolver_channel::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  arm_timer();
}

void resolver_channel::arm_timer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.cancel();
    return;
  }
  // One more millisecond: c-ares counts in whole ones, and would be asked in vain until its own has passed.
  timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec) +
                       std::chrono::milliseconds(1));
  timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](auto error) {
    if (!error && !alive.expired()) process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace sluice::connect
