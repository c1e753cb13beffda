#include "support/temporary_directory.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace sluice::support {

temporary_directory::temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || ::chmod(name.c_str(), 0777) != 0)
    throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::write(std::string_view name, std::string_view text) const {
  const std::string path = *this / name;
  std::ofstream(path) << text;
  return path;
}

}  // namespace sluice::support
