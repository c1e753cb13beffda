#pragma once

#include <stdexcept>
#include <string>

namespace sluice {

/// Process exit codes (docs/operations.md).
enum class exit_code : int {
  done = 0,
  failed = 1,         ///< run-time failure, address in use
  usage = 2,          ///< wrong usage
  cut = 3,            ///< the drain deadline or a second signal cut sessions
  no_permission = 4,  ///< bind below 1024, a file
  bad_config = 78,    ///< EX_CONFIG
};

/// The proxy could not start. what() is the whole message for a person: what, where, what to do.
class startup_error : public std::runtime_error {
 public:
  startup_error(const std::string& text, exit_code code) : std::runtime_error(text), code_(code) {}
  exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

}  // namespace sluice
