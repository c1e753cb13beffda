#include "connect/health_prober.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "connect/health_talk.hpp"
#include "sys/socket.hpp"

namespace sluice::connect {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using boost::system::error_code;
using kind = health_verdict::kind;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

bool is_ip(const std::string& name) {
  error_code error;
  asio::ip::make_address(name, error);
  return !error;
}

/// An answer that only has to come needs no authorities: who relies on bytes verifies them, and no byte comes of this.
std::optional<ssl::context> context_for(const health_config& settings) {
  if (settings.check != health_check::tls) return std::nullopt;
  std::optional<ssl::context> context(std::in_place, ssl::context::tls_client);
  context->set_verify_mode(settings.tls_verify ? ssl::verify_peer : ssl::verify_none);
  if (settings.tls_verify) context->set_default_verify_paths();
  return context;
}

}  // namespace

class health_prober::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& io, const health_config& settings)
      : io_(io), plan_(make_health_plan(settings)), tls_(context_for(settings)) {}

  void start(health_target target, handler on_end);
  void end();

 private:
  struct check {
    check(asio::io_context& io, health_target at) : target(std::move(at)), line{generic_socket(io)}, timer(io) {}
    using generic_socket = asio::generic::stream_protocol::socket;
    health_target target;
    health_line line;
    asio::steady_timer timer;
    bool timed_out = false;
  };

  static asio::awaitable<health_verdict> run(std::shared_ptr<impl> self, check& one);
  asio::awaitable<health_verdict> shake_hands(check& one);
  health_verdict timeout_of(const check& one) const;

  asio::io_context& io_;
  const health_plan plan_;
  std::optional<ssl::context> tls_;
  std::set<std::shared_ptr<check>> checks_;
  bool ended_ = false;
};

health_verdict health_prober::impl::timeout_of(const check& one) const {
  return {kind::bad, one.line.doing + ": not done within " + std::to_string(plan_.settings.timeout.count()) + " ms"};
}

void health_prober::impl::start(health_target target, handler on_end) {
  const std::shared_ptr<check> one = *checks_.insert(std::make_shared<check>(io_, std::move(target))).first;
  one->timer.expires_after(plan_.settings.timeout);
  one->timer.async_wait([late = std::weak_ptr<check>(one)](const error_code& error) {
    const std::shared_ptr<check> still = late.lock();
    if (error || !still) return;
    still->timed_out = true;
    error_code ignored;
    still->line.socket.close(ignored);
  });
  asio::co_spawn(io_, run(shared_from_this(), *one),
                 [self = shared_from_this(), one, done = std::move(on_end)](const std::exception_ptr& trouble,
                                                                            health_verdict verdict) {
                   if (trouble) verdict = {kind::unknown, "no memory"};
                   if (one->timed_out) verdict = self->timeout_of(*one);
                   self->checks_.erase(one);
                   error_code ignored;
                   one->line.socket.close(ignored);
                   if (!self->ended_) done(verdict);
                 });
}

/// The checks end when their sockets are closed under them: at the io_context's next turn, or with it.
void health_prober::impl::end() {
  ended_ = true;
  for (const std::shared_ptr<check>& one : checks_) {
    error_code ignored;
    one->line.socket.close(ignored);
    one->timer.cancel();
  }
}

asio::awaitable<health_verdict> health_prober::impl::run(std::shared_ptr<impl> self, check& one) {
  const asio::generic::stream_protocol::endpoint to(one.target.to.raw(), one.target.to.length());
  const std::tuple<error_code> connected = co_await one.line.socket.async_connect(to, as_result);
  if (std::get<0>(connected)) co_return failed(one.line, std::get<0>(connected));
  // A port that the kernel also gives to clients: nobody listens, and the socket met itself.
  if (!one.target.to.is_unix() && sys::local_address(one.line.socket.native_handle()) == one.target.to)
    co_return failed(one.line, asio::error::connection_refused);
  if (self->tls_) co_return co_await self->shake_hands(one);
  if (self->plan_.settings.check == health_check::http) co_return co_await talk_http(one.line, self->plan_, one.target);
  if (!self->plan_.steps.empty()) co_return co_await talk_steps(one.line, self->plan_);
  co_return health_verdict{kind::good, "connected"};
}

asio::awaitable<health_verdict> health_prober::impl::shake_hands(check& one) {
  one.line.doing = "shaking hands";
  ssl::stream<check::generic_socket&> stream(one.line.socket, *tls_);
  const health_config& settings = plan_.settings;
  const std::string name = settings.tls_name.empty() ? one.target.name : settings.tls_name;
  if (!name.empty() && !is_ip(name)) SSL_set_tlsext_host_name(stream.native_handle(), name.c_str());
  if (settings.tls_verify) stream.set_verify_callback(ssl::host_name_verification(name));
  const std::tuple<error_code> shaken = co_await stream.async_handshake(ssl::stream_base::client, as_result);
  if (std::get<0>(shaken)) co_return failed(one.line, std::get<0>(shaken));
  co_return health_verdict{kind::good, SSL_get_version(stream.native_handle())};
}

health_prober::health_prober(asio::io_context& io, const health_config& settings)
    : impl_(std::make_shared<impl>(io, settings)) {}

health_prober::~health_prober() { impl_->end(); }

void health_prober::start(health_target target, handler on_end) { impl_->start(std::move(target), std::move(on_end)); }

}  // namespace sluice::connect
