#include "cli/demo_backends.hpp"

#include <filesystem>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "support/catch.hpp"

using namespace sluice::cli;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using response_type = http::response<http::string_body>;

namespace {

tcp::endpoint at(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

/// One blocking HTTP client; several requests over one connection.
class client {
 public:
  explicit client(std::uint16_t port) { stream_.connect(at(port)); }

  response_type get(std::string_view target, bool keep_alive = true) {
    http::request<http::empty_body> request(http::verb::get, {target.data(), target.size()}, 11);
    request.set(http::field::host, "localhost");
    request.keep_alive(keep_alive);
    http::write(stream_, request);
    http::response_parser<http::string_body> parser;
    parser.body_limit(std::uint64_t{64} << 20U);
    http::read(stream_, buffer_, parser);
    return parser.release();
  }

 private:
  asio::io_context context_;
  beast::tcp_stream stream_{context_};
  beast::flat_buffer buffer_;
};

}  // namespace

TEST_CASE("demo backends: each one answers with its own name", "[cli][demo]") {
  demo_backends backends(3);
  backends.start();
  REQUIRE(std::set<std::uint16_t>(backends.ports().begin(), backends.ports().end()).size() == 3);
  const std::vector<std::string> names = {"A", "B", "C"};
  for (std::size_t i = 0; i < 3; ++i) {
    client visitor(backends.ports()[i]);
    CHECK(visitor.get("/").body() == "hello from backend " + names[i] + "\n");
    CHECK(visitor.get("/again").body() == "hello from backend " + names[i] + "\n");
  }
}

TEST_CASE("demo backends: clients that connect before the start are answered after it", "[cli][demo]") {
  demo_backends backends(1);
  client early(backends.ports()[0]);
  backends.start();
  CHECK(early.get("/").body() == "hello from backend A\n");
}

TEST_CASE("demo backends: /big gives exactly the bytes asked for", "[cli][demo]") {
  demo_backends backends(1);
  backends.start();
  client visitor(backends.ports()[0]);
  CHECK(visitor.get("/big?bytes=0").body().empty());
  CHECK(visitor.get("/big?bytes=1").body() == ".");
  CHECK(visitor.get("/big?bytes=3000000").body().size() == 3'000'000);
  CHECK(visitor.get("/big?bytes=many").result() == http::status::bad_request);
  CHECK(visitor.get("/big?bytes=-1").result() == http::status::bad_request);
  CHECK(visitor.get("/", false).result() == http::status::ok);
}

TEST_CASE("demo backends: the end closes everything, also in the middle of an answer", "[cli][demo]") {
  { const demo_backends warm_up(1); }
  const auto before = open_descriptors();
  {
    demo_backends backends(3);
    backends.start();
    asio::io_context context;
    tcp::socket reader(context);
    reader.connect(at(backends.ports()[0]));
    const std::string request = "GET /big?bytes=100000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    asio::write(reader, asio::buffer(request));
    char first = 0;
    asio::read(reader, asio::buffer(&first, 1));
    CHECK(first == 'H');
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("demo: a taken port is passed over", "[cli][demo]") {
  asio::io_context context;
  tcp::acceptor taken(context, at(0));
  const auto port = taken.local_endpoint().port();
  const auto chosen = free_loopback_port(port);
  CHECK(chosen != port);
  CHECK(chosen != 0);
  taken.close();
  CHECK(free_loopback_port(port) == port);
}
