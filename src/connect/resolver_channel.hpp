#pragma once

#include <ares.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "sluice/config.hpp"

#include "connect/srv_answer.hpp"
#include "sys/socket_address.hpp"

namespace sluice::connect {

/// What one question gave.
struct lookup_result {
  enum class kind : std::uint8_t {
    answered,  ///< addresses is not empty
    nothing,   ///< there is no such name, or it has no address of this family
    failed,    ///< nobody could tell
  };

  kind what = kind::failed;
  std::vector<sys::socket_address> addresses;  ///< port 0, in the order of the answer
  std::chrono::seconds ttl{0};                 ///< the least of all records, CNAMEs included
  std::string error;                           ///< unless answered
};

/// What a question for SRV records gave.
struct srv_result {
  lookup_result::kind what = lookup_result::kind::failed;
  srv_answer answer;
  std::string error;  ///< unless answered
};

/// Addresses of both families by /etc/hosts, or of an IP literal, at once; a localhost that the file does not know is
/// loopback. Never failed.
lookup_result look_in_hosts(const std::string& name);

/// One c-ares channel, its sockets and timeouts waited for by Asio. c-ares owns the sockets: Asio only watches them and
/// lets go before they are closed. Thread: the io_context's.
class resolver_channel {
 public:
  using handler = std::function<void(lookup_result)>;
  using srv_handler = std::function<void(srv_result)>;

  /// Throws std::runtime_error.
  resolver_channel(boost::asio::io_context& io, const dns_config& settings, const std::string& resolv_conf);
  ~resolver_channel();  ///< no handler is called any more; not to be destroyed from within c-ares
  resolver_channel(const resolver_channel&) = delete;
  resolver_channel& operator=(const resolver_channel&) = delete;

  /// Asks DNS for one family, AF_INET or AF_INET6. The handler is always called from the io_context, never from here.
  void ask(const std::string& name, int family, handler on_result);

  /// The same for SRV records.
  void ask_srv(const std::string& name, srv_handler on_result);

  /// Questions whose handler was not called yet.
  std::size_t in_flight() const noexcept { return in_flight_; }

 private:
  struct question;
  struct srv_question;
  struct watched;

  static void on_answer(void* argument, int status, int timeouts, ares_addrinfo* answer) noexcept;
  static void on_srv_answer(void* argument, int status, int timeouts, unsigned char* message, int length) noexcept;
  template <typename Handler, typename Result>
  void hand_over(Handler&& call, Result&& result);
  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable) noexcept;
  void wait_for(const std::shared_ptr<watched>& socket);
  void process(ares_socket_t readable, ares_socket_t writable);
  void arm_timer();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  ares_channel channel_ = nullptr;
  std::unordered_map<ares_socket_t, std::shared_ptr<watched>> sockets_;
  std::size_t in_flight_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  ///< handlers that outlive us find it gone
};

}  // namespace sluice::connect
