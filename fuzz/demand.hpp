#pragma once

#include <cstdio>
#include <cstdlib>

namespace sluice::fuzz {

/// What must hold of every input. A fuzzer, and the replay in the tests, take the end of the program for a find.
inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace sluice::fuzz
