#include "sys/file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::support;

TEST_CASE("file: a plain file opens with its size, anything else says why not", "[sys][file]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  std::ofstream(files / "text") << "12345";
  const sys::open_file text = sys::open_regular_file(files / "text");
  CHECK(text.fd);
  CHECK(text.error == 0);
  CHECK(text.bytes == 5);
  CHECK(sys::open_regular_file(files / "nothing").error == ENOENT);
  CHECK(sys::open_regular_file(files / ".").error == EISDIR);
  REQUIRE(::mkfifo((files / "fifo").c_str(), 0600) == 0);
  CHECK(sys::open_regular_file(files / "fifo").error == EINVAL);
}

TEST_CASE("file: it is sent from any offset until the socket is full, and its end is told", "[sys][file]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  constexpr std::uint64_t hole = 64'000'000;  // more than the buffers of two sockets may grow to
  std::ofstream(files / "text").seekp(hole) << "end";
  const sys::open_file text = sys::open_regular_file(files / "text");
  const socket_pair ends = tcp_pair();
  REQUIRE(sys::send_file(ends.first.get(), text.fd.get(), hole, 10).bytes == 3);
  CHECK(receive_text(ends.second.get(), 3) == "end");
  CHECK(sys::send_file(ends.first.get(), text.fd.get(), text.bytes, 1).what == sys::io_result::kind::eof);
  sys::io_result last;
  for (std::uint64_t sent = 0; sent < text.bytes; sent += last.bytes) {
    last = sys::send_file(ends.first.get(), text.fd.get(), sent, text.bytes - sent);
    if (last.what != sys::io_result::kind::moved) break;
  }
  CHECK(last.what == sys::io_result::kind::would_block);
}
