#pragma once

#include <csignal>
#include <cstddef>
#include <memory>
#include <string>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace sluice::support {

/// An nginx, master and worker, that serves HTTP at one address. Its place stays its own while it is stopped and
/// started again.
class nginx_server {
 public:
  /// Answers GET / with its name, GET /up with "up" (for checks) and any other path with the file of that name in
  /// root(). Throws if the program is not installed. The address is "127.0.0.1:8000", the name a word.
  nginx_server(std::string name, std::string address);
  nginx_server(const nginx_server&) = delete;
  nginx_server& operator=(const nginx_server&) = delete;
  /// Kills what is left of it.
  ~nginx_server();

  const std::string& name() const noexcept { return name_; }
  const std::string& address() const noexcept { return address_; }
  const temporary_directory& root() const noexcept { return root_; }
  /// From the next start() on every file is sent at so many bytes a second, after those of the first; 0: at any rate.
  void limit_rate(std::size_t bytes_per_second) { rate_ = bytes_per_second; }
  /// From the next start() on it closes a connection where it should answer "GET /".
  void answer(bool does) { answers_ = does; }

  /// Starts it in this thread's network and waits until connects to it succeed. Throws if it does not come up.
  void start();
  /// As `nginx -s quit`: it takes no more connections, finishes those that it has and ends. Waits for that.
  void stop_in_order();
  /// All its processes at once, as if the machine had lost power. Waits until they are gone.
  void kill();
  /// Stops all its processes where they are; the kernel goes on accepting for them.
  void freeze() const { signal_all(SIGSTOP); }
  void thaw() const { signal_all(SIGCONT); }

 private:
  std::string configuration() const;
  void signal_all(int number) const;

  const std::string program_;
  const std::string name_;
  const std::string address_;
  const temporary_directory root_;   ///< what it serves
  const temporary_directory files_;  ///< what it needs itself
  std::size_t rate_ = 0;
  bool answers_ = true;
  std::unique_ptr<process> process_;
};

}  // namespace sluice::support
