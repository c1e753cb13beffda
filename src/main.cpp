#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/execute.hpp"

int main(int argc, char** argv, char** envp) {
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return static_cast<int>(sluice::cli::execute(arguments, sluice::cli::process_surroundings(envp)));
  } catch (const std::exception& problem) {
    std::cerr << "sluice: error: " << problem.what() << '\n';
    return static_cast<int>(sluice::exit_code::failed);
  }
}
