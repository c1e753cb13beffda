#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/close_reason.hpp"

namespace sluice::log {

/// An IP endpoint or a unix peer in 20 bytes, as a session keeps it. Formatted only by the log thread.
struct endpoint {
  enum class family : std::uint8_t { none, ipv4, ipv6, unix_socket };

  family type = family::none;
  std::uint16_t port = 0;                ///< host byte order
  std::array<std::uint8_t, 16> bytes{};  ///< network byte order; IPv4 uses the first four
};

/// Names that outlive every record that points at them: the log is stopped and drained before services go.
struct session_names {
  std::string service;
  std::string local;    ///< the listener as written: "unix:/run/app.sock"
  std::string backend;  ///< the backend as written: "db.internal:5432"
};

/// What the log keeps of a session: a plain struct, copied into a ring by a worker, formatted by the log thread.
/// Times are monotonic nanoseconds, except wall_us.
struct session_record {
  std::uint64_t id = 0;
  std::int64_t wall_us = 0;  ///< wall clock at close, microseconds since 1970
  const std::string* service = nullptr;
  const std::string* backend = nullptr;  ///< the backend as written; null if none was chosen
  endpoint client;
  endpoint local;                           ///< the address the client reached
  const std::string* local_name = nullptr;  ///< unix listeners: the path as written, else null
  endpoint backend_address;                 ///< where the connection went; none if it never did
  std::uint32_t attempts = 0;
  std::int64_t connect_ns = -1;      ///< accept to backend connected; -1 if it never was
  std::int64_t queue_ns = -1;        ///< time spent waiting for a backend; -1 if it never waited
  std::int64_t duration_ns = 0;      ///< accept to close
  std::uint64_t bytes_received = 0;  ///< from the client
  std::uint64_t bytes_sent = 0;      ///< to the client
  std::uint64_t bytes_spliced = 0;
  std::uint64_t bytes_copied = 0;
  close_reason reason = close_reason::client_fin;
  std::int32_t error = 0;           ///< errno behind the reason, 0 if none
  bool reset_shown_as_eof = false;  ///< the other end is a unix socket and can't be reset: it saw an end of file
};

}  // namespace sluice::log
