#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connect/health_plan.hpp"
#include "connect/health_prober.hpp"

namespace sluice::connect {

/// One check's connection. Whoever closes the socket (a timeout, the end of the prober) ends the check.
struct health_line {
  boost::asio::generic::stream_protocol::socket socket;
  std::string doing = "connecting";  ///< for the log
};

/// What Asio says went wrong; the caller has closed the socket where it is operation_aborted.
health_verdict failed(const health_line& line, const boost::system::error_code& error);

/// The talks of a connection that stands.
boost::asio::awaitable<health_verdict> talk_http(health_line& line, const health_plan& plan,
                                                 const health_target& target);
boost::asio::awaitable<health_verdict> talk_steps(health_line& line, const health_plan& plan);

}  // namespace sluice::connect
