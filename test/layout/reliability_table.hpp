#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::layout {

/// What is wrong with the table of docs/reliability.md below `root`: rows that are missing or there twice, cells that
/// are empty, tests that ctest does not know or that their program has not. Throws if a file can't be read.
std::vector<std::string> reliability_problems(const std::filesystem::path& root);

}  // namespace sluice::layout
