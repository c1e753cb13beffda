#include "cli/demo_backends.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace sluice::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using request_type = http::request<http::string_body>;

constexpr std::chrono::seconds patience{60};
constexpr std::uint64_t default_big_bytes = 1'000'000'000;
constexpr auto wait = asio::as_tuple(asio::use_awaitable);

tcp::endpoint loopback(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

/// How many bytes the target asks for: nothing if it does not ask for /big, or not with a number.
std::optional<std::uint64_t> big_bytes(std::string_view target) {
  constexpr std::string_view path = "/big";
  constexpr std::string_view query = "/big?bytes=";
  if (target == path) return default_big_bytes;
  if (!target.starts_with(query)) return std::nullopt;
  target.remove_prefix(query.size());
  std::uint64_t bytes = 0;
  const auto end = std::from_chars(target.data(), target.data() + target.size(), bytes);
  if (end.ec != std::errc() || end.ptr != target.data() + target.size()) return std::nullopt;
  return bytes;
}

const std::string& filler() {
  static const std::string block(256 * 1024, '.');
  return block;
}

/// The head of an answer as it goes onto the wire. Beast writes whole messages by templates that take as long to
/// compile as all the rest here.
std::string head_of(const request_type& request, http::status status, std::string_view type, std::uint64_t bytes) {
  http::response<http::empty_body> head(status, request.version());
  head.set(http::field::content_type, type);
  head.content_length(bytes);
  head.keep_alive(request.keep_alive());
  std::ostringstream text;
  text << head.base();
  return std::move(text).str();
}

/// False: the connection is of no more use.
asio::awaitable<bool> send(beast::tcp_stream& stream, std::string_view text) {
  stream.expires_after(patience);
  const auto [failure, sent] = co_await asio::async_write(stream, asio::buffer(text.data(), text.size()), wait);
  co_return !failure;
}

/// Answers with `bytes` bytes. False: the connection is of no more use.
asio::awaitable<bool> answer_big(beast::tcp_stream& stream, const request_type& request, std::uint64_t bytes) {
  const std::string head = head_of(request, http::status::ok, "application/octet-stream", bytes);
  if (!co_await send(stream, head)) co_return false;
  for (std::uint64_t left = request.method() == http::verb::head ? 0 : bytes; left > 0;) {
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left, filler().size()));
    if (!co_await send(stream, {filler().data(), size})) co_return false;
    left -= size;
  }
  co_return request.keep_alive();
}

asio::awaitable<bool> answer_hello(beast::tcp_stream& stream, const request_type& request, const std::string& name) {
  const bool misread = request.target().starts_with("/big");
  const auto status = misread ? http::status::bad_request : http::status::ok;
  const std::string body = misread ? "write it as /big?bytes=1000000\n" : "hello from backend " + name + "\n";
  std::string text = head_of(request, status, "text/plain", body.size());
  if (request.method() != http::verb::head) text += body;
  co_return co_await send(stream, text) && request.keep_alive();
}

asio::awaitable<void> serve(tcp::socket socket, std::string name) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  for (bool more = true; more;) {
    stream.expires_after(patience);
    request_type request;
    const auto [failure, size] = co_await http::async_read(stream, buffer, request, wait);
    if (failure) break;
    const auto bytes = big_bytes({request.target().data(), request.target().size()});
    if (bytes) {
      more = co_await answer_big(stream, request, *bytes);
    } else {
      more = co_await answer_hello(stream, request, name);
    }
  }
  beast::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> accept_clients(tcp::acceptor& acceptor, std::string name) {
  asio::steady_timer pause(acceptor.get_executor());
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(wait);
    if (failure) {
      // Out of descriptors, most likely: accepting again at once would spin.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(wait);
      continue;
    }
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), name), asio::detached);
  }
}

bool is_free(std::uint16_t port) {
  asio::io_context context;
  tcp::acceptor acceptor(context);
  beast::error_code failure;
  acceptor.open(tcp::v4(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(loopback(port), failure);
  if (!failure) acceptor.listen(1, failure);
  return !failure;
}

}  // namespace

class demo_backends::impl {
 public:
  explicit impl(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      acceptors_.emplace_back(context_, loopback(0));
      ports_.push_back(acceptors_.back().local_endpoint().port());
    }
  }
  ~impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  void start() {
    for (std::size_t i = 0; i < acceptors_.size(); ++i)
      asio::co_spawn(context_, accept_clients(acceptors_[i], demo_backend_name(i)), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }

  const std::vector<std::uint16_t>& ports() const noexcept { return ports_; }

 private:
  asio::io_context context_{1};
  std::vector<tcp::acceptor> acceptors_;
  std::vector<std::uint16_t> ports_;
  std::thread thread_;
};

demo_backends::demo_backends(std::size_t count) : impl_(std::make_unique<impl>(count)) {}
demo_backends::~demo_backends() = default;
void demo_backends::start() { impl_->start(); }
const std::vector<std::uint16_t>& demo_backends::ports() const noexcept { return impl_->ports(); }

std::string demo_backend_name(std::size_t index) { return std::string(1, static_cast<char>('A' + index)); }

std::uint16_t free_loopback_port(std::uint16_t preferred) {
  constexpr std::uint32_t tries = 20;
  for (std::uint32_t port = preferred; port < preferred + tries && port <= 65535U; ++port) {
    if (is_free(static_cast<std::uint16_t>(port))) return static_cast<std::uint16_t>(port);
  }
  asio::io_context context;
  return tcp::acceptor(context, loopback(0)).local_endpoint().port();
}

}  // namespace sluice::cli
