#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::bench::lab {

struct options {
  std::uint64_t file_bytes = std::uint64_t{1} << 30;      ///< moved in each run of a table that reads a file
  std::uint64_t socket_bytes = std::uint64_t{256} << 20;  ///< and of every other
  std::size_t repeat = 3;                                 ///< runs of each row, of which the medians are shown
  std::vector<std::string> only;                          ///< tables wanted; empty: all
  std::string directory;                                  ///< where the files are, which have no names
  std::string json_file;                                  ///< empty: none
  bool help = false;

  bool wants(const std::string& table) const;
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads the command line. Throws usage_error, whose text may be shown as it is.
options parse_options(int argc, char** argv, const std::vector<std::string>& tables);
std::string usage(const std::vector<std::string>& tables);

}  // namespace sluice::bench::lab
