#include "support/figure.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>

namespace sluice::support {

void figure(const std::string& row, const std::string& text) {
  const std::string line = "figure " + row + ": " + text + "\n";
  std::cout << line << std::flush;
  if (const char* path = std::getenv("SLUICE_FIGURES")) std::ofstream(path, std::ios::app) << line;
}

}  // namespace sluice::support
