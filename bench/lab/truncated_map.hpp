#pragma once

#include <string>
#include <vector>

namespace sluice::bench::lab {

/// What happens to who looks at a mapped file, writes from it, or sends it, after somebody made it shorter; found out
/// by child processes, a sentence each. Call it while this process has one thread.
std::vector<std::string> what_truncation_does(const std::string& directory);

}  // namespace sluice::bench::lab
