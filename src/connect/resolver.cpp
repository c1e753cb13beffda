#include "connect/resolver.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connect/resolver_channel.hpp"
#include "connect/resolver_name.hpp"
#include "connect/resolver_srv.hpp"

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

  ticket follow(const std::string& name, handler on_answer);
  ticket follow_srv(const std::string& name, srv_handler on_answer);
  void unfollow(ticket which);
  void close();

 private:
  /// A name and who follows it; forgotten when nobody does.
  template <typename State, typename Handler>
  struct followed {
    followed(asio::io_context& io, const std::string& name, bool empty_applies)
        : state(name, empty_applies), next_round(io), patience(io) {}

    State state;
    std::map<ticket, Handler> handlers;
    asio::steady_timer next_round;
    asio::steady_timer patience;  ///< how long what is slow may keep back what is known
    bool is_published = false;
    std::map<std::string, ticket> hosts;  ///< of SRV records
  };
  using followed_name = followed<resolver_name, handler>;
  using followed_srv = followed<resolver_srv, srv_handler>;
  template <typename Followed>
  using shared = std::shared_ptr<Followed>;

  template <typename Followed, typename Handler>
  ticket add(std::map<std::string, shared<Followed>>& all, const std::string& name, Handler on_answer);
  template <typename Followed>
  bool drop(std::map<std::string, shared<Followed>>& all, ticket which);
  template <typename Followed>
  void after(asio::steady_timer& timer, const shared<Followed>& name, std::chrono::milliseconds wait,
             void (impl::*what)(const shared<Followed>&));
  template <typename Followed>
  void tell(const shared<Followed>& name, const std::vector<ticket>& whom);
  template <typename Followed>
  void tell_all(const shared<Followed>& name);

  void look_up(const shared<followed_name>& name);
  void ask(const shared<followed_name>& name, int family);
  void take(const shared<followed_name>& name, int family, lookup_result result);
  void finish_round(const shared<followed_name>& name);
  void publish(const shared<followed_name>& name);

  void look_up(const shared<followed_srv>& name);
  void take(const shared<followed_srv>& name, srv_result result);
  void follow_hosts(const shared<followed_srv>& name);
  void publish(const shared<followed_srv>& name);

  bool has_route(const sys::socket_address& address);
  std::filesystem::file_time_type resolv_conf_time() const;
  void follow_resolv_conf();

  asio::io_context& io_;
  const dns_config settings_;
  const refresh_rules rules_;
  std::filesystem::file_time_type resolv_conf_time_;
  std::unique_ptr<resolver_channel> channel_;
  std::vector<std::unique_ptr<resolver_channel>> retired_;  ///< of an older resolv.conf, with questions under way
  std::map<std::string, shared<followed_name>> names_;
  std::map<std::string, shared<followed_srv>> services_;
  ticket last_ticket_ = 0;
  bool is_closed_ = false;
};

resolver::ticket resolver::impl::follow(const std::string& name, handler on_answer) {
  return add(names_, name, std::move(on_answer));
}

resolver::ticket resolver::impl::follow_srv(const std::string& name, srv_handler on_answer) {
  return add(services_, name, std::move(on_answer));
}

template <typename Followed, typename Handler>
resolver::ticket resolver::impl::add(std::map<std::string, shared<Followed>>& all, const std::string& name,
                                     Handler on_answer) {
  const ticket mine = ++last_ticket_;
  auto& known = all[name];
  const bool is_new = !known;
  if (is_new) known = std::make_shared<Followed>(io_, name, rules_.empty_applies);
  known->handlers.emplace(mine, std::move(on_answer));
  if (is_new) {
    void (impl::*look_it_up)(const shared<Followed>&) = &impl::look_up;
    after(known->next_round, known, std::chrono::milliseconds(0), look_it_up);
  } else if (known->is_published) {
    asio::post(io_, [weak = weak_from_this(), name = std::weak_ptr<Followed>(known), mine] {
      const auto self = weak.lock();
      const auto at = name.lock();
      if (self && at) self->tell(at, {mine});
    });
  }
  return mine;
}

template <typename Followed>
bool resolver::impl::drop(std::map<std::string, shared<Followed>>& all, ticket which) {
  const auto place =
      std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.second->handlers.contains(which); });
  if (place == all.end()) return false;
  place->second->handlers.erase(which);
  if (!place->second->handlers.empty()) return true;
  const shared<Followed> last = std::move(place->second);
  all.erase(place);
  for (const auto& [host, of_host] : last->hosts) drop(names_, of_host);
  return true;
}

void resolver::impl::unfollow(ticket which) {
  if (!drop(names_, which)) drop(services_, which);
}

void resolver::impl::close() {
  is_closed_ = true;
  channel_.reset();
  retired_.clear();
  names_.clear();
  services_.clear();
}

template <typename Followed>
void resolver::impl::after(asio::steady_timer& timer, const shared<Followed>& name, std::chrono::milliseconds wait,
                           void (impl::*what)(const shared<Followed>&)) {
  timer.expires_after(wait);
  timer.async_wait([weak = weak_from_this(), &timer, forgotten = std::weak_ptr<Followed>(name), what,
                    due = timer.expiry()](auto error) {
    const auto self = weak.lock();
    const auto at = forgotten.lock();
    // A handler that was already queued when the timer was set anew has no error, but another time.
    if (error || !self || !at || self->is_closed_ || timer.expiry() != due) return;
    ((*self).*what)(at);
  });
}

/// Calls these handlers.
template <typename Followed>
void resolver::impl::tell(const shared<Followed>& name, const std::vector<ticket>& whom) {
  name->is_published = true;
  // From copies: a handler may follow, unfollow, or destroy the resolver.
  const auto known = name->state.known();
  for (const ticket one : whom) {
    const auto place = name->handlers.find(one);
    if (is_closed_ || place == name->handlers.end()) continue;
    const auto call = place->second;
    call(known);
  }
}

template <typename Followed>
void resolver::impl::tell_all(const shared<Followed>& name) {
  std::vector<ticket> all;
  for (const auto& [one, call] : name->handlers) all.push_back(one);
  tell(name, all);
}

void resolver::impl::look_up(const shared<followed_name>& name) {
  name->state.begin();
  lookup_result hosts = look_in_hosts(name->state.known().name);
  if (hosts.what == lookup_result::kind::answered) {
    hosts.ttl = std::chrono::duration_cast<std::chrono::seconds>(rules_.hosts_interval);
    name->state.take_all(std::move(hosts));
    finish_round(name);
    return;
  }
  follow_resolv_conf();
  ask(name, AF_INET);
  ask(name, AF_INET6);
}

void resolver::impl::ask(const shared<followed_name>& name, int family) {
  // The channel is ours and calls nobody after its end.
  channel_->ask(name->state.known().name, family,
                [this, family, forgotten = std::weak_ptr<followed_name>(name)](lookup_result result) {
                  const auto self = shared_from_this();
                  if (const auto at = forgotten.lock()) take(at, family, std::move(result));
                });
}

void resolver::impl::take(const shared<followed_name>& name, int family, lookup_result result) {
  name->state.take(family, std::move(result));
  if (name->state.is_complete()) {
    finish_round(name);
  } else if (name->state.has_answer()) {
    void (impl::*publish_it)(const shared<followed_name>&) = &impl::publish;
    after(name->patience, name, rules_.straggler_wait, publish_it);
  }
}

void resolver::impl::finish_round(const shared<followed_name>& name) {
  name->patience.cancel();
  const bool changed = name->state.settle([this](const auto& address) { return has_route(address); });
  void (impl::*look_it_up)(const shared<followed_name>&) = &impl::look_up;
  after(name->next_round, name, name->state.next_look_up(rules_), look_it_up);
  if (changed || !name->is_published) tell_all(name);
}

/// One family has answered, the other is slow.
void resolver::impl::publish(const shared<followed_name>& name) {
  if (name->state.is_complete()) return;
  const bool changed = name->state.settle([this](const auto& address) { return has_route(address); });
  if (changed || !name->is_published) tell_all(name);
}

void resolver::impl::look_up(const shared<followed_srv>& name) {
  follow_resolv_conf();
  channel_->ask_srv(name->state.known().name, [this, forgotten = std::weak_ptr<followed_srv>(name)](srv_result result) {
    const auto self = shared_from_this();
    if (const auto at = forgotten.lock()) take(at, std::move(result));
  });
}

void resolver::impl::take(const shared<followed_srv>& name, srv_result result) {
  name->state.take(std::move(result));
  void (impl::*look_it_up)(const shared<followed_srv>&) = &impl::look_up;
  after(name->next_round, name, name->state.next_look_up(rules_), look_it_up);
  follow_hosts(name);
  void (impl::*publish_it)(const shared<followed_srv>&) = &impl::publish;
  if (name->state.is_complete())
    publish(name);
  else
    after(name->patience, name, rules_.host_wait, publish_it);
}

void resolver::impl::follow_hosts(const shared<followed_srv>& name) {
  const std::set<std::string>& wanted = name->state.hosts();
  std::erase_if(name->hosts, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    drop(names_, entry.second);
    return true;
  });
  for (const std::string& host : wanted) {
    if (name->hosts.contains(host)) continue;
    const auto take_host = [this, forgotten = std::weak_ptr<followed_srv>(name)](const resolution& known) {
      const auto at = forgotten.lock();
      if (!at) return;
      at->state.take_host(known);
      if (at->state.is_complete()) publish(at);
    };
    name->hosts.emplace(host, follow(host, take_host));
  }
}

/// Every host is known, or some took too long.
void resolver::impl::publish(const shared<followed_srv>& name) {
  name->patience.cancel();
  if (name->state.settle() || !name->is_published) tell_all(name);
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

resolver::ticket resolver::follow(const std::string& name, handler on_answer) {
  return impl_->follow(name, std::move(on_answer));
}

resolver::ticket resolver::follow_srv(const std::string& name, srv_handler on_answer) {
  return impl_->follow_srv(name, std::move(on_answer));
}

void resolver::unfollow(ticket which) { impl_->unfollow(which); }

}  // namespace sluice::connect
