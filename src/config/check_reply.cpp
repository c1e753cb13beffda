#include "config/check_reply.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "config/in_quotes.hpp"

namespace sluice::conf {
namespace {

struct closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// Why it is no file that can be read; empty if it is one.
std::string trouble_with(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::file_status found = std::filesystem::status(path, unknown);
  if (unknown) return unknown.message();
  if (std::filesystem::is_directory(found)) return "it is a directory";
  if (!std::filesystem::is_regular_file(found)) return "it is no plain file";
  const std::unique_ptr<std::FILE, closer> file(std::fopen(path.c_str(), "re"));
  return file ? "" : std::strerror(errno);
}

}  // namespace

void check_reply(const std::string& path, const spot& at, report& problems) {
  if (path.empty()) return;
  const std::string trouble = trouble_with(path);
  if (trouble.empty()) return;
  problems.error(at, "unreadable", "can't read " + in_quotes(path) + ": " + trouble,
                 "a file to send when no backend can be had; relative paths count from the working directory");
}

}  // namespace sluice::conf
