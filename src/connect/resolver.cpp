#include "connect/resolver.hpp"

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connect/resolver_channel.hpp"
#include "connect/resolver_name.hpp"

namespace sluice::connect {
namespace {

namespace asio = boost::asio;

}  // namespace

/// Kept alive by the resolver and, while a handler runs, by the call that runs it: a handler may destroy the resolver.
class resolver::impl : public std::enable_shared_from_this<resolver::impl> {
 public:
  impl(asio::io_context& io, const dns_config& settings, const refresh_rules& rules)
      : io_(io), settings_(settings), rules_(rules), resolv_conf_time_(resolv_conf_time()) {
    channel_ = std::make_unique<resolver_channel>(io_, settings_, rules_.resolv_conf);
  }

  void follow(const std::string& name, handler on_answer);
  void close();

 private:
  /// A name and who follows it. Never moved or removed while we are open.
  struct followed {
    followed(asio::io_context& io, const std::string& name) : state(name), timer(io) {}

    resolver_name state;
    std::vector<handler> handlers;
    asio::steady_timer timer;  ///< to the next round; within a round, how long to wait for the slower family
    bool is_published = false;
  };

  using step = void (impl::*)(followed&);

  void after(followed& name, std::chrono::milliseconds wait, step what);
  void look_up(followed& name);
  void ask(followed& name, int family);
  void take(followed& name, int family, lookup_result result);
  void finish_round(followed& name);
  void publish(followed& name);
  void tell(followed& name, std::size_t first, std::size_t last);
  bool has_route(const sys::socket_address& address);
  std::filesystem::file_time_type resolv_conf_time() const;
  void follow_resolv_conf();

  asio::io_context& io_;
  const dns_config settings_;
  const refresh_rules rules_;
  std::filesystem::file_time_type resolv_conf_time_;
  std::unique_ptr<resolver_channel> channel_;
  std::vector<std::unique_ptr<resolver_channel>> retired_;  ///< of an older resolv.conf, with questions under way
  std::vector<std::unique_ptr<followed>> names_;
  bool is_closed_ = false;
};

void resolver::impl::follow(const std::string& name, handler on_answer) {
  for (const auto& known : names_) {
    if (known->state.known().name != name) continue;
    known->handlers.push_back(std::move(on_answer));
    if (!known->is_published) return;
    asio::post(io_, [weak = weak_from_this(), at = known.get(), newest = known->handlers.size() - 1] {
      if (const auto self = weak.lock()) self->tell(*at, newest, newest + 1);
    });
    return;
  }
  names_.push_back(std::make_unique<followed>(io_, name));
  names_.back()->handlers.push_back(std::move(on_answer));
  after(*names_.back(), std::chrono::milliseconds(0), &impl::look_up);
}

void resolver::impl::close() {
  is_closed_ = true;
  channel_.reset();
  retired_.clear();
  for (const auto& name : names_) name->timer.cancel();
}

void resolver::impl::after(followed& name, std::chrono::milliseconds wait, step what) {
  name.timer.expires_after(wait);
  name.timer.async_wait([weak = weak_from_this(), at = &name, what, due = name.timer.expiry()](auto error) {
    const auto self = weak.lock();
    // A handler that was already queued when the timer was set anew has no error, but another time.
    if (error || !self || self->is_closed_ || at->timer.expiry() != due) return;
    ((*self).*what)(*at);
  });
}

void resolver::impl::look_up(followed& name) {
  name.state.begin();
  lookup_result hosts = look_in_hosts(name.state.known().name);
  if (hosts.what == lookup_result::kind::answered) {
    hosts.ttl = std::chrono::duration_cast<std::chrono::seconds>(rules_.hosts_interval);
    name.state.take_all(std::move(hosts));
    finish_round(name);
    return;
  }
  follow_resolv_conf();
  ask(name, AF_INET);
  ask(name, AF_INET6);
}

void resolver::impl::ask(followed& name, int family) {
  // The channel is ours and calls nobody after its end: `this` and the name are there.
  channel_->ask(name.state.known().name, family, [this, family, at = &name](lookup_result result) {
    const auto self = shared_from_this();
    take(*at, family, std::move(result));
  });
}

void resolver::impl::take(followed& name, int family, lookup_result result) {
  name.state.take(family, std::move(result));
  if (name.state.is_complete()) {
    finish_round(name);
  } else if (name.state.has_answer()) {
    after(name, rules_.straggler_wait, &impl::publish);
  }
}

void resolver::impl::finish_round(followed& name) {
  const bool changed = name.state.settle([this](const auto& address) { return has_route(address); });
  after(name, name.state.next_look_up(rules_), &impl::look_up);
  if (changed || !name.is_published) tell(name, 0, name.handlers.size());
}

/// One family has answered, the other is slow.
void resolver::impl::publish(followed& name) {
  const bool changed = name.state.settle([this](const auto& address) { return has_route(address); });
  if (changed || !name.is_published) tell(name, 0, name.handlers.size());
}

/// Calls the handlers first to last, the last not included.
void resolver::impl::tell(followed& name, std::size_t first, std::size_t last) {
  name.is_published = true;
  // By index and from copies: a handler may follow the same name, or destroy the resolver.
  const resolution known = name.state.known();
  for (std::size_t i = first; i < last && !is_closed_; ++i) {
    const handler call = name.handlers[i];
    call(known);
  }
}

/// A UDP socket that connects sends nothing: it only asks for a route.
bool resolver::impl::has_route(const sys::socket_address& address) {
  constexpr asio::ip::port_type any_port = 9;
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &address.ipv6().sin6_addr, bytes.size());
  boost::system::error_code error;
  asio::ip::udp::socket probe(io_);
  probe.open(asio::ip::udp::v6(), error);
  if (!error) probe.connect({asio::ip::address_v6(bytes), any_port}, error);
  return !error;
}

std::filesystem::file_time_type resolver::impl::resolv_conf_time() const {
  std::error_code missing;
  return std::filesystem::last_write_time(rules_.resolv_conf, missing);
}

/// c-ares reads resolv.conf when a channel is made: a changed one needs a new channel.
void resolver::impl::follow_resolv_conf() {
  std::erase_if(retired_, [](const auto& channel) { return channel->in_flight() == 0; });
  const auto time = resolv_conf_time();
  if (time == resolv_conf_time_) return;
  resolv_conf_time_ = time;
  try {
    auto fresh = std::make_unique<resolver_channel>(io_, settings_, rules_.resolv_conf);
    retired_.push_back(std::exchange(channel_, std::move(fresh)));
  } catch (const std::runtime_error&) {
    // A file that c-ares can't use is being written, or broken: the old one served until now.
  }
}

resolver::resolver(boost::asio::io_context& io, const dns_config& settings, const refresh_rules& rules)
    : impl_(std::make_shared<impl>(io, settings, rules)) {}

resolver::~resolver() { impl_->close(); }

void resolver::follow(const std::string& name, handler on_answer) { impl_->follow(name, std::move(on_answer)); }

}  // namespace sluice::connect
