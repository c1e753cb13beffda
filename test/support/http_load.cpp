#include "support/http_load.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

namespace sluice::support {
namespace {

constexpr int requests_a_connection = 8;

/// The value of a header; empty if there is none.
std::string header_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

/// Bytes of a head that is there: how many follow it.
std::optional<std::size_t> length_of(const std::string& head) {
  const std::string text = header_of(head, "Content-Length");
  std::size_t length = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), length).ec != std::errc{}) return std::nullopt;
  return length;
}

}  // namespace

void http_send(int fd, const std::string& path, bool keeps) {
  send_all(fd, "GET " + path + " HTTP/1.1\r\nHost: s\r\nConnection: " + (keeps ? "keep-alive" : "close") + "\r\n\r\n");
}

http_answer http_receive(int fd, std::chrono::milliseconds timeout) {
  const auto deadline = http_exchange::clock::now() + timeout;
  http_answer answer;
  std::string came;
  std::array<char, 64 * 1024> piece;
  const auto give_up = [&](const std::string& why) {
    answer.problem = why + " after " + std::to_string(came.size()) + " bytes";
    answer.gone_before_answer = came.empty();
    return answer;
  };
  std::size_t whole = came.npos;
  while (came.size() < whole) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - http_exchange::clock::now());
    if (left.count() <= 0 || !wait_readable(fd, left)) {
      give_up("nothing more");
      answer.gone_before_answer = false;
      return answer;
    }
    const ssize_t n = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return give_up(n == 0 ? "an end of file" : std::strerror(errno));
    came.append(piece.data(), static_cast<std::size_t>(n));
    const std::size_t head = came.find("\r\n\r\n");
    if (head == came.npos || whole != came.npos) continue;
    const std::string text = came.substr(0, head + 2);
    const std::optional<std::size_t> length = length_of(text);
    if (!text.starts_with("HTTP/1.1 200 ") || !length) return give_up("no answer 200: " + text.substr(0, 60));
    whole = head + 4 + *length;
    answer.served_by = header_of(text, "Served-By");
    answer.closes = header_of(text, "Connection") == "close";
  }
  answer.body = came.substr(came.find("\r\n\r\n") + 4);
  return answer;
}

http_load::http_load(const std::string& address, const http_load_settings& settings)
    : to_(parse_address(address)), settings_(settings) {
  for (std::size_t i = 0; i < settings.closing_clients + settings.keeping_clients; ++i)
    clients_.emplace_back([this, keeps = i >= settings_.closing_clients] { ask_on(keeps); });
}

void http_load::stop() {
  stop_ = true;
  for (std::thread& one : clients_) one.join();
  clients_.clear();
}

std::vector<http_exchange> http_load::exchanges() const {
  const std::lock_guard held(mutex_);
  return exchanges_;
}

bool http_load::wait_served(std::size_t n, const std::string& by) const {
  const auto from = clock::now();
  return wait_until(
      [&] {
        return count([&](const http_exchange& one) {
                 return one.begun >= from && one.served() && (by.empty() || one.body == by);
               }) >= n;
      },
      slowness * patience);
}

void http_load::ask_on(bool keeps) {
  sys::unique_fd connection;
  for (int asked = 1; !stop_; ++asked) {
    http_exchange one = ask(connection, keeps && asked % requests_a_connection != 0);
    {
      const std::lock_guard held(mutex_);
      exchanges_.push_back(std::move(one));
    }
    std::this_thread::sleep_for(settings_.pause);  // so that ports and processors suffice
  }
}

/// The connection is kept for the next one, or none.
http_exchange http_load::ask(sys::unique_fd& connection, bool keeps) {
  http_exchange one;
  one.begun = clock::now();
  const auto attempt = [&] {
    http_answer answer;
    try {
      if (!connection) {
        ++connections_;
        connection = connect_to(to_, io_mode::non_blocking, settings_.timeout);
      }
      http_send(connection.get(), "/", keeps);
      answer = http_receive(connection.get(), settings_.timeout);
    } catch (const std::exception& problem) {
      answer.problem = problem.what();
      answer.gone_before_answer = true;
    }
    if (!keeps || answer.closes || !answer.problem.empty()) connection.reset();
    return answer;
  };
  const bool was_kept = static_cast<bool>(connection);
  http_answer answer = attempt();
  if (was_kept && answer.gone_before_answer) answer = attempt();
  one.ended = clock::now();
  one.body = std::move(answer.body);
  one.problem = std::move(answer.problem);
  return one;
}

}  // namespace sluice::support
