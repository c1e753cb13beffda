#include "config/read_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

namespace sluice::conf {
namespace {

constexpr std::size_t largest_file = std::size_t{4} << 20U;

struct closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

file_result read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return {"", "it is a directory", false};
  const std::unique_ptr<std::FILE, closer> file(std::fopen(path.c_str(), "re"));
  if (!file) return {"", std::strerror(errno), errno == ENOENT};
  file_result result;
  std::vector<char> block(std::size_t{64} << 10U);
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    result.text.append(block.data(), got);
    if (result.text.size() > largest_file) return {"", "it has more than 4 MiB", false};
  }
  if (std::ferror(file.get()) != 0) return {"", std::strerror(errno), false};
  return result;
}

file_result read_regular_file(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status) &&
      !std::filesystem::is_regular_file(status))
    return {"", "it is no regular file", false};
  return read_file(path);
}

}  // namespace sluice::conf
