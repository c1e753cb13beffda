#pragma once

#include <cstdint>

#include "loop/task.hpp"
#include "loop/wait_point.hpp"
#include "relay/relay.hpp"
#include "sys/file.hpp"

namespace sluice::server {

/// Where a reply is sent: its session's, which resumes the wait at every edge of the client.
struct reply_place {
  loop::wait_point& wait;
  relay::stream& client;
  relay::relay_context& worker;
};

/// What the client was sent; error 0: all of it, ETIMEDOUT: it did not take all in time, ECANCELED: told to give up.
struct replied {
  std::uint64_t bytes = 0;
  int error = 0;
};

/// Sends a whole file by sendfile(2), then an end of file, and then reads what the client sends until it closes too:
/// with bytes unread, close(2) would reset and the kernel throw away what the client has not got yet. It begins when
/// the client has said something, or after 100 ms: an answer before the question confuses HTTP clients that keep
/// connections.
///
/// The client gets 30 s to take it all, and 2 s more to close.
loop::task<replied> send_reply(reply_place to, const sys::open_file& file);

}  // namespace sluice::server
