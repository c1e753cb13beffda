#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/execute.hpp"

namespace {

/// Whoever started us with 0, 1 or 2 closed must not have a client's socket take its place and the log written to it.
void occupy_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv, char** envp) {
  occupy_standard_descriptors();
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return static_cast<int>(sluice::cli::execute(arguments, sluice::cli::process_surroundings(envp)));
  } catch (const std::exception& problem) {
    std::cerr << "sluice: error: " << problem.what() << '\n';
    return static_cast<int>(sluice::exit_code::failed);
  }
}
