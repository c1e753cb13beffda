#pragma once

#include <string>

namespace sluice::conf {

struct file_result {
  std::string text;
  std::string trouble;  ///< why it can't be read; empty if it could
};

/// The whole file, which may be a pipe. Refused: directories and more than 4 MiB.
file_result read_file(const std::string& path);

}  // namespace sluice::conf
