#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sockets.hpp"

namespace sluice::bench::lab {

/// A file that has no name from the start, so that nothing is left of it however this program ends.
unique_fd nameless_file(const std::string& directory);
/// One with so many coded bytes in it, at its start.
unique_fd coded_file(const std::string& directory, std::uint64_t bytes);
/// Throws std::runtime_error unless the file is the first `bytes` of the coded ones.
void verify_file(const unique_fd& file, std::uint64_t bytes);
void rewind(const unique_fd& file);
/// Empty, and at its start.
void empty(const unique_fd& file);

/// Two ends of one connection, both blocking.
struct stream_pair {
  unique_fd ours;
  unique_fd theirs;
};
stream_pair tcp_pair();  ///< over 127.0.0.1
stream_pair unix_pair();

}  // namespace sluice::bench::lab
