#include "connect/health_prober.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect/tls_server.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"

using namespace sluice;
using namespace sluice::connect;
using namespace sluice::support;
using namespace std::string_literals;
using sluice::sys::unique_fd;
using kind = health_verdict::kind;

namespace {

health_config check_of(health_check check) {
  health_config settings;
  settings.check = check;
  settings.timeout = std::chrono::milliseconds(5'000);
  return settings;
}

/// For checks that are to time out, at the step that is named: long enough for those before it.
health_config impatient(health_config settings) {
  settings.timeout = std::chrono::milliseconds(500);
  return settings;
}

health_verdict probe(const health_config& settings, const sys::socket_address& to, const std::string& name = {}) {
  boost::asio::io_context io;
  health_prober prober(io, settings);
  std::vector<health_verdict> verdicts;
  prober.start({to, name, "web.internal:8080"}, [&](const health_verdict& one) { verdicts.push_back(one); });
  io.run_for(patience);
  REQUIRE(verdicts.size() == 1);
  return verdicts.front();
}

health_verdict probe(const health_config& settings, const peer_server& server, const std::string& name = {}) {
  return probe(settings, parse_address(server.address()), name);
}

/// Reads what the check asks, up to and including `end`; less if it leaves.
std::string read_until(int fd, std::string_view end) {
  std::string text;
  while (!text.ends_with(end)) {
    try {
      text += receive_text(fd, 1);
    } catch (const std::exception&) {
      return text;
    }
  }
  return text;
}

void wait_until_left(int fd) {
  try {
    receive_until_eof(fd);
  } catch (const std::exception&) {  // a reset: it left something unread
  }
}

/// Sends what it can to somebody who may leave at any time.
void try_to_send(int fd, std::string_view text) {
  try {
    send_all(fd, text);
  } catch (const std::exception&) {
  }
}

/// Sends this after a request of HTTP.
peer_server::handler answering(std::string text) {
  return [text = std::move(text)](unique_fd fd) {
    read_until(fd.get(), "\r\n\r\n");
    try_to_send(fd.get(), text);
    wait_until_left(fd.get());
  };
}

/// Speaks first.
peer_server::handler saying(std::string text) {
  return [text = std::move(text)](unique_fd fd) {
    try_to_send(fd.get(), text);
    wait_until_left(fd.get());
  };
}

void stay_silent(unique_fd fd) { wait_until_left(fd.get()); }

}  // namespace

TEST_CASE("prober: tcp is good when it connects, over IP and unix sockets", "[connect][health]") {
  const fd_baseline descriptors;
  const peer_server one(stay_silent);
  const peer_server two(listen_unix(), stay_silent);
  CHECK(probe(check_of(health_check::tcp), one).result == kind::good);
  CHECK(probe(check_of(health_check::tcp), two).result == kind::good);
  const listening_socket closed = closed_port();
  const health_verdict refused = probe(check_of(health_check::tcp), closed.address);
  CHECK(refused.result == kind::bad);
  CHECK(refused.saw == "connecting: Connection refused");
}

TEST_CASE("prober: http asks with GET and judges the status", "[connect][health]") {
  const fd_baseline descriptors;
  std::string request;
  std::mutex mutex;
  const peer_server server([&](unique_fd fd) {
    const std::lock_guard lock(mutex);
    request = read_until(fd.get(), "\r\n\r\n");
    try_to_send(fd.get(), "HTTP/1.0 204 No Content\r\n\r\n");
    wait_until_left(fd.get());
  });
  health_config settings = check_of(health_check::http);
  settings.path = "/up?x=1";
  const health_verdict good = probe(settings, server);
  CHECK(good.result == kind::good);
  CHECK(good.saw == "status 204");
  CHECK(wait_until([&] { return server.treated() == 1; }));
  CHECK(request.starts_with("GET /up?x=1 HTTP/1.1\r\nHost: web.internal:8080\r\n"));
  settings.status = "200";
  settings.host = "other";
  CHECK(probe(settings, server).saw == "status 204");
  CHECK(wait_until([&] { return server.treated() == 2; }));
  CHECK(request.find("\r\nHost: other\r\n") != std::string::npos);
}

TEST_CASE("prober: http finds a text in the body, and reads no more than it may", "[connect][health]") {
  const fd_baseline descriptors;
  health_config settings = check_of(health_check::http);
  settings.body = "all is well";
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  const peer_server right(answering(head + "so far all is well"));
  const peer_server chunked(
      answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nall is w\r\n3\r\nell\r\n0\r\n\r\n"));
  const peer_server wrong(answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope"));
  const peer_server huge(answering(head + std::string(4 << 20, 'x') + "all is well"));
  CHECK(probe(settings, right).result == kind::good);
  CHECK(probe(settings, chunked).result == kind::good);
  CHECK(probe(settings, wrong).saw == "status 200, and its body lacks \"all is well\"");
  CHECK(probe(settings, huge).result == kind::bad);
}

TEST_CASE("prober: http takes nothing else for an answer", "[connect][health]") {
  const fd_baseline descriptors;
  const health_config settings = check_of(health_check::http);
  const peer_server other(answering("SSH-2.0-OpenSSH_9.2\r\n"));
  const peer_server huge(answering("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x')));
  const peer_server closing([](unique_fd fd) { read_until(fd.get(), "\r\n\r\n"); });
  const peer_server silent(stay_silent);
  const peer_server slow([](unique_fd fd) {
    try_to_send(fd.get(), "HTTP/1.1 200");
    wait_until_left(fd.get());
  });
  CHECK(probe(settings, other).result == kind::bad);
  CHECK(probe(settings, huge).result == kind::bad);
  CHECK(probe(settings, closing).saw == "closed without an answer");
  CHECK(probe(impatient(settings), silent).saw == "waiting for the answer: not done within 500 ms");
  CHECK(probe(impatient(settings), slow).saw == "waiting for the answer: not done within 500 ms");
}

TEST_CASE("prober: send-expect sends, and finds what it expects in pieces", "[connect][health]") {
  const fd_baseline descriptors;
  health_config settings = check_of(health_check::send_expect);
  settings.send = "ruok\n";
  settings.expect = "imok";
  const peer_server right([](unique_fd fd) {
    if (read_until(fd.get(), "\n") != "ruok\n") return;
    for (const char* piece : {"im", "o", "k"}) try_to_send(fd.get(), piece);
    wait_until_left(fd.get());
  });
  const peer_server wrong([](unique_fd fd) {
    read_until(fd.get(), "\n");
    try_to_send(fd.get(), "no\r\n");
  });
  const peer_server closing([](unique_fd fd) { read_until(fd.get(), "\n"); });
  const peer_server huge(saying(std::string(4 << 20, 'x')));
  const peer_server silent(stay_silent);
  CHECK(probe(settings, right).result == kind::good);
  CHECK(probe(settings, wrong).saw == R"("no\r\n" and an end of file, not "imok")");
  CHECK(probe(settings, closing).saw == R"(nothing and an end of file, not "imok")");
  CHECK(probe(settings, huge).result == kind::bad);
  CHECK(probe(impatient(settings), silent).saw == R"(waiting for "imok": not done within 500 ms)");
}

TEST_CASE("prober: mysql's check logs in and says good-bye", "[connect][health]") {
  const fd_baseline descriptors;
  std::string said;
  const peer_server server([&](unique_fd fd) {
    try_to_send(fd.get(), "\x0b\0\0\0\x0a"s + "10.11.6\0xx"s);
    const std::string login = receive_text(fd.get(), 4 + 0x28);
    try_to_send(fd.get(), "\7\0\0\2\0\0\0\2\0\0\0"s);
    const std::vector<std::byte> rest = receive_until_eof(fd.get());
    said = login.substr(36, 6) + std::to_string(rest.size());
  });
  CHECK(probe(check_of(health_check::mysql), server).result == kind::good);
  CHECK(wait_until([&] { return server.treated() == 1; }));
  CHECK(said == "sluice5");
  server.check();
}

TEST_CASE("prober: tls is good when the handshake completes, whoever signed the certificate", "[connect][health]") {
  const fd_baseline descriptors;
  const test::tls_identity identity("web.internal");
  std::string asked;
  const peer_server server([&](unique_fd fd) { asked = identity.serve(fd.get()); });
  health_config settings = check_of(health_check::tls);
  CHECK(probe(settings, server, "web.internal").saw == "TLSv1.3");
  CHECK(wait_until([&] { return server.treated() == 1; }));
  CHECK(asked == "web.internal");
  settings.tls_name = "other.internal";
  CHECK(probe(settings, server, "web.internal").result == kind::good);
  CHECK(wait_until([&] { return server.treated() == 2; }));
  CHECK(asked == "other.internal");
  CHECK(probe(settings, server, "127.0.0.1").result == kind::good);
  settings.tls_verify = true;
  const health_verdict unsigned_one = probe(settings, server, "web.internal");
  CHECK(unsigned_one.result == kind::bad);
  CHECK(unsigned_one.saw.find("certificate verify failed") != std::string::npos);
}

TEST_CASE("prober: tls takes nothing but a handshake", "[connect][health]") {
  const fd_baseline descriptors;
  const health_config settings = check_of(health_check::tls);
  const peer_server other(saying("220 mail ESMTP\r\n"));
  const peer_server closing([](unique_fd) {});
  const peer_server silent(stay_silent);
  CHECK(probe(settings, other).result == kind::bad);
  CHECK(probe(settings, closing).result == kind::bad);
  CHECK(probe(impatient(settings), silent).saw == "shaking hands: not done within 500 ms");
}

TEST_CASE("prober: one that ends takes its checks along, whatever they wait for", "[connect][health]") {
  const fd_baseline descriptors;
  const peer_server silent(stay_silent, 4);
  const bool runs_on = GENERATE(true, false);
  CAPTURE(runs_on);
  int verdicts = 0;
  {
    boost::asio::io_context io;
    {
      health_prober http(io, check_of(health_check::http));
      health_prober tls(io, check_of(health_check::tls));
      for (health_prober* one : {&http, &tls})
        one->start({parse_address(silent.address()), "", "x"}, [&](const health_verdict&) { ++verdicts; });
      io.run_for(std::chrono::milliseconds(20));
    }
    if (runs_on) io.run_for(patience);
  }
  CHECK(verdicts == 0);
  CHECK(wait_until([&] { return silent.treated() == silent.accepted(); }));
}
