#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "history/side.hpp"

#include "support/sluice_process.hpp"

namespace sluice::history {

enum class rule {
  no_foreign_byte,   ///< what is received is a prefix of what the other end sent
  no_false_end,      ///< an end of file only behind everything, and only if the other end said it
  no_stall,          ///< whoever waits for something gets it
  one_record,        ///< one line in the log for each session, none for anybody else
  record_is_truth,   ///< its counts and its reason are those of the two ends
  one_backend_each,  ///< a session reaches one backend, once, and one that may be reached
};

const char* name_of(rule which);

struct violation {
  rule broken;
  std::string text;
};

/// What both ends of many sessions have seen, and the rules it is held against. Thread: any.
class session_history {
 public:
  explicit session_history(std::uint64_t seed) : seed_(seed) {}

  void add_client(const side_history& seen);
  void add_backend(const side_history& seen);
  /// A backend was reached by bytes that no client begins with.
  void add_stranger(std::size_t bytes);
  /// From here on the program may refuse and reset whom it likes: it was told to stop.
  void stop_began();
  /// It was killed: what lived then ended as the kernel pleases, and its last records are lost.
  void killed();

  std::size_t sessions() const;
  std::vector<violation> check(const std::vector<support::session_record>& records) const;

 private:
  class findings;

  std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::map<std::uint32_t, side_history> clients_;
  std::map<std::uint32_t, side_history> backends_;
  std::vector<std::string> strangers_;
  std::vector<std::uint32_t> reached_twice_;
  std::optional<std::chrono::steady_clock::time_point> stop_;
  bool killed_ = false;
};

/// The address that client `number` comes from, without the port: there are 2^24 on the loopback interface.
std::string client_host(std::uint32_t number);
/// The number of a client that the log knows by its address; nothing if it is none of ours.
std::optional<std::uint32_t> client_number(const std::string& address);
inline constexpr std::uint32_t first_client = 1U << 16;
inline constexpr std::uint32_t last_client = (1U << 24) - 1;

}  // namespace sluice::history
