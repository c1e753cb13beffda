#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::layout {

/// What the tree at `root` breaks of docs/architecture.md, "Who may include whom", and of the rules that go with it:
/// one line each, "file:line: what is wrong". Looks at src/, include/ and test/. Throws
/// std::filesystem::filesystem_error.
std::vector<std::string> violations(const std::filesystem::path& root);

}  // namespace sluice::layout
