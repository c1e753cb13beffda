#include "support/call_counter.hpp"

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::support {

call_counter::call_counter(pid_t counted)
    : tracer_({.argv = {require_program("strace", "strace"), "-f", "-c", "-U", "calls,name", "-o", files_ / "calls",
                        "-p", std::to_string(counted)}}) {
  if (!tracer_.wait_output(" attached")) throw std::runtime_error("strace said:\n" + tracer_.output());
}

std::map<std::string, std::size_t> call_counter::read() {
  tracer_.signal(SIGINT);
  if (!tracer_.wait_exit()) throw std::runtime_error("strace does not end");
  std::map<std::string, std::size_t> calls;
  std::ifstream table(files_ / "calls");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::size_t count = 0;
    std::string name;
    if (words >> count >> name && name != "total") calls[name] += count;
  }
  return calls;
}

}  // namespace sluice::support
