#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "connect/resolver.hpp"
#include "connect/resolver_dns_server.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

/// A resolver in front of a scripted server.
namespace sluice::test {

using namespace sluice::connect;
using namespace std::chrono_literals;

inline std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

inline std::string joined(const resolution& known) {
  std::string text;
  for (const auto& address : known.addresses) text += (text.empty() ? "" : " ") + to_string(address);
  return text;
}

/// A resolv.conf of the test's own, so that the machine's does not matter.
class resolv_conf {
 public:
  explicit resolv_conf(const std::string& text) { write(text); }

  void write(const std::string& text) {
    std::ofstream(path_) << text << '\n';
    // Whatever the clock's grain is, the time of this change differs from the last.
    std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() + ++changes_ * 10s);
  }
  const std::string& path() const { return path_; }

 private:
  support::temporary_directory directory_;
  std::string path_ = directory_ / "resolv.conf";
  int changes_ = 0;
};

/// A resolver that asks a scripted server, on one io_context, with its times shortened.
class laboratory {
 public:
  explicit laboratory(const std::string& resolv = "nameserver 127.0.0.1") : resolv_(resolv), server(io) {
    settings.servers = {server.address()};
    settings.timeout = 50ms;
    rules.ttl_floor = 20ms;
    rules.first_retry = 20ms;
    rules.last_retry = 100ms;
    rules.resolv_conf = resolv_.path();
  }

  void start() { under_test.emplace(io, settings, rules); }
  void follow(const std::string& name) {
    if (!under_test) start();
    under_test->follow(name, [this](const resolution& known) { told.push_back(known); });
  }

  /// Runs the io_context until `done`; false after ten seconds.
  template <typename Condition>
  bool until(Condition done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < deadline) io.run_one_for(100ms);
    return done();
  }
  bool until_told(std::size_t times) {
    return until([&] { return told.size() >= times; });
  }
  bool until_asked(std::size_t more) {
    const std::size_t now = server.questions().size();
    return until([&] { return server.questions().size() >= now + more; });
  }

  boost::asio::io_context io;

 private:
  resolv_conf resolv_;

 public:
  resolv_conf& resolv() { return resolv_; }
  scripted_dns_server server;
  sluice::dns_config settings;
  refresh_rules rules;
  std::vector<resolution> told;
  std::optional<resolver> under_test;
};

inline dns_reply both(const dns_question& question, const std::string& ipv4, const std::string& ipv6,
                      std::uint32_t ttl) {
  dns_reply reply;
  if (question.type == record_type::a && !ipv4.empty()) reply.records = {{record_type::a, ipv4, ttl}};
  if (question.type == record_type::aaaa && !ipv6.empty()) reply.records = {{record_type::aaaa, ipv6, ttl}};
  return reply;
}

inline auto always(const std::string& ipv4, const std::string& ipv6 = "", std::uint32_t ttl = 0) {
  return [=](const dns_question& question) { return both(question, ipv4, ipv6, ttl); };
}

inline auto refuse(std::uint16_t rcode) {
  return [=](const dns_question&) {
    dns_reply reply;
    reply.rcode = rcode;
    return reply;
  };
}

inline dns_reply silent(const dns_question&) {
  dns_reply reply;
  reply.what = dns_reply::action::silence;
  return reply;
}

}  // namespace sluice::test
