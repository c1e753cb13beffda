#pragma once

#include <string>

namespace sluice::conf {

struct file_result {
  std::string text;
  std::string trouble;      ///< why it can't be read; empty if it could
  bool is_missing = false;  ///< that is the trouble
};

/// The whole file, which may be a pipe. Refused: directories and more than 4 MiB.
file_result read_file(const std::string& path);

/// The same of a regular file alone: never waits for somebody to write.
file_result read_regular_file(const std::string& path);

}  // namespace sluice::conf
