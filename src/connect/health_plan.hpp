#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/regex.hpp>

#include "sluice/health_config.hpp"

namespace sluice::connect {

/// One exchange of a check: what is sent, and what must come back. Either may be empty.
struct health_step {
  enum class match : std::uint8_t { nothing, text, regex };

  std::string send;
  match wanted = match::nothing;
  std::string text;       ///< found anywhere
  boost::regex regex;     ///< found anywhere, unless it says ^
  std::string wanted_as;  ///< for the log
};

enum class match_result : std::uint8_t {
  no,
  yes,
  hopeless,  ///< the expression asks for more work than it may
};

/// A service's check made ready: texts decoded, expressions compiled. Thread: any, it does not change.
struct health_plan {
  health_config settings;
  std::vector<health_step> steps;    ///< of send-expect and what is made of it
  std::vector<status_range> status;  ///< of http

  static constexpr std::size_t most_answer_bytes = 16 * 1024;
  static constexpr std::size_t most_body_bytes = 64 * 1024;

  bool is_good_status(unsigned code) const noexcept;
};

/// Throws std::runtime_error if a text can't be used, which a checked configuration does not have.
health_plan make_health_plan(const health_config& settings);

/// Whether what has come so far is what the step waits for. The work is bounded: an expression that backtracks too much
/// is hopeless, and the stack does not grow with the text.
match_result matches(const health_step& step, std::string_view answer);

/// The beginning of an answer for the log: at most 60 bytes, in quotes, what can't be printed as \xHH.
std::string excerpt(std::string_view answer);

}  // namespace sluice::connect
