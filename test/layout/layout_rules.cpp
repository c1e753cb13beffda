#include "layout/layout_rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "layout/source_file.hpp"

namespace sluice::layout {
namespace {

namespace fs = std::filesystem;

// Which foreign headers a folder may see.
enum class foreign { standard, system, any };

struct folder_rule {
  std::string_view folder;  // of src/; "sluice" are the public headers, "main" is src/main.cpp
  std::string_view sees;    // the other folders it may include, blank-separated
  foreign headers;
};

constexpr std::array folder_rules{
    folder_rule{"main", "cli sluice", foreign::system},
    folder_rule{"sluice", "", foreign::standard},
    folder_rule{"sys", "", foreign::system},
    folder_rule{"balance", "sluice", foreign::standard},
    folder_rule{"loop", "sys", foreign::any},
    folder_rule{"accept", "loop sys sluice", foreign::any},
    folder_rule{"identify", "loop sys sluice", foreign::any},
    folder_rule{"connect", "loop sys sluice", foreign::any},
    folder_rule{"relay", "loop sys sluice", foreign::any},
    folder_rule{"library", "relay loop sys sluice", foreign::system},
    folder_rule{"log", "sluice", foreign::any},
    folder_rule{"config", "sluice", foreign::any},
    folder_rule{"server", "accept identify balance connect relay loop sys log config sluice", foreign::any},
    folder_rule{"admin", "server sluice", foreign::any},
    folder_rule{"cli", "sluice", foreign::any},
};

// A library of which one place knows.
struct library_rule {
  std::string_view prefix;  // of the header's name
  std::string_view only;    // the folders that may include it, blank-separated
};

constexpr std::array library_rules{
    library_rule{"toml", "config"},
    library_rule{"boost/program_options", "cli"},
    library_rule{"spdlog", "log"},
    library_rule{"ares", "connect"},
    library_rule{"boost/asio", "accept identify connect loop server admin cli"},
};

constexpr std::array<std::string_view, 12> raw_calls{"splice",          "tee",        "vmsplice",    "sendfile",
                                                     "copy_file_range", "pipe2",      "accept4",     "epoll_create1",
                                                     "epoll_ctl",       "epoll_wait", "epoll_pwait", "epoll_pwait2"};

constexpr std::size_t most_lines = 350;

bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

bool is_source(const fs::path& path) { return path.extension() == ".cpp" || path.extension() == ".hpp"; }

// A C++ header has neither a dot nor a slash in its name.
bool is_standard(std::string_view header) { return header.find_first_of("./") == header.npos; }

bool is_system(std::string_view header) {
  constexpr std::array<std::string_view, 6> folders{"sys", "net", "netinet", "arpa", "linux", "asm"};
  const auto folder = header.substr(0, header.find('/'));
  return header.ends_with(".h") &&
         (folder == header || std::find(folders.begin(), folders.end(), folder) != folders.end());
}

// "src/relay/pump.cpp" is of "relay", "include/sluice/stats.hpp" of "sluice", "src/main.cpp" of "main".
std::string folder_of(const fs::path& path) {
  const auto folder = path.parent_path().filename().string();
  return folder == "src" ? "main" : folder;
}

class checker {
 public:
  explicit checker(fs::path root) : root_{std::move(root)} {}

  std::vector<std::string> run() {
    for (const auto* top : {"src", "include"}) {
      for (const auto& path : sources_below(top)) {
        check(read_source(root_, path));
      }
    }
    check_tests();
    return std::move(found_);
  }

 private:
  void report(const fs::path& path, std::size_t line, const std::string& what) {
    found_.push_back(path.generic_string() + ":" + std::to_string(line) + ": " + what);
  }

  std::vector<fs::path> sources_below(const fs::path& top) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator{root_ / top}) {
      if (entry.is_regular_file() && is_source(entry.path())) {
        paths.push_back(entry.path().lexically_relative(root_));
      }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  void check(const source_file& file) {
    const auto folder = folder_of(file.path);
    const auto rule = std::find_if(folder_rules.begin(), folder_rules.end(),
                                   [&](const folder_rule& r) { return r.folder == folder; });
    if (rule == folder_rules.end()) {
      report(file.path, 1, "the rules know no folder " + folder);
      return;
    }
    if (file.lines > most_lines) {
      report(file.path, file.lines, "longer than " + std::to_string(most_lines) + " lines");
    }
    if (file.path.extension() == ".hpp" && !file.has_pragma_once) {
      report(file.path, 1, "no #pragma once");
    }
    for (const auto& include : file.includes) {
      check_include(file, *rule, include);
    }
    for (const auto& call : file.calls) {
      if (folder != "sys" && std::find(raw_calls.begin(), raw_calls.end(), call.name) != raw_calls.end()) {
        report(file.path, call.line, "raw " + call.name + "() outside src/sys");
      }
    }
  }

  void check_include(const source_file& file, const folder_rule& rule, const include_line& include) {
    const auto slash = include.target.find('/');
    const auto target_folder = include.target.substr(0, slash == include.target.npos ? 0 : slash);
    const auto is_ours = std::any_of(folder_rules.begin(), folder_rules.end(),
                                     [&](const folder_rule& r) { return r.folder == target_folder; }) &&
                         (include.quoted || target_folder != "sys");
    if (include.quoted && !is_ours) {
      report(file.path, include.line, "\"" + include.target + "\" is not \"folder/file.hpp\" of a folder of ours");
    } else if (is_ours) {
      if (target_folder != rule.folder && !has_word(rule.sees, target_folder)) {
        report(file.path, include.line, std::string{rule.folder} + " may not see " + include.target);
      }
    } else {
      check_foreign(file, rule, include);
    }
  }

  void check_foreign(const source_file& file, const folder_rule& rule, const include_line& include) {
    const auto& header = include.target;
    for (const auto& library : library_rules) {
      if (header.starts_with(library.prefix) && !has_word(library.only, rule.folder)) {
        report(file.path, include.line, "only " + std::string{library.only} + " may see " + header);
        return;
      }
    }
    if ((rule.headers == foreign::standard && !is_standard(header)) ||
        (rule.headers == foreign::system && !is_standard(header) && !is_system(header))) {
      report(file.path, include.line, std::string{rule.folder} + " may not see a foreign header: " + header);
    }
  }

  // A folder with code has tests of its own, and each of its files is reached by one: by its header, or by way of files
  // that include it.
  void check_tests() {
    // "X/foo" leads to what foo.hpp and foo.cpp include, and to the files whose first header of ours it is: they
    // implement it.
    std::map<std::string, std::set<std::string>> leads_to;
    for (const auto& path : sources_below("src")) {
      const auto name = folder_of(path) + "/" + path.stem().string();
      const auto includes = read_source(root_, path).includes;
      for (const auto& include : includes) {
        leads_to[name].insert(without_extension(include.target));
      }
      const auto first = std::find_if(includes.begin(), includes.end(), [](const auto& i) { return i.quoted; });
      if (path.extension() == ".cpp" && first != includes.end()) {
        leads_to[without_extension(first->target)].insert(name);
      }
    }
    for (const auto& folder : folders_with_code()) {
      std::vector<std::string> waiting;
      if (fs::exists(root_ / "test" / folder)) {
        for (const auto& path : sources_below(fs::path{"test"} / folder)) {
          for (const auto& include : read_source(root_, path).includes) {
            waiting.push_back(without_extension(include.target));
          }
        }
      }
      const auto reached = reach(std::move(waiting), folder, leads_to);
      for (const auto& path : sources_below(fs::path{"src"} / folder)) {
        if (path.extension() == ".cpp" && !reached.contains(folder + "/" + path.stem().string())) {
          report(path, 1, "no test in test/" + folder + " reaches it");
        }
      }
    }
  }

  static std::string without_extension(const std::string& target) {
    return fs::path{target}.replace_extension().generic_string();
  }

  std::set<std::string> folders_with_code() const {
    std::set<std::string> folders;
    for (const auto& path : sources_below("src")) {
      if (path.extension() == ".cpp" && folder_of(path) != "main") {
        folders.insert(folder_of(path));
      }
    }
    return folders;
  }

  // What `waiting` leads to within `folder` and the public headers.
  static std::set<std::string> reach(std::vector<std::string> waiting, const std::string& folder,
                                     const std::map<std::string, std::set<std::string>>& leads_to) {
    std::set<std::string> reached;
    while (!waiting.empty()) {
      const auto name = std::move(waiting.back());
      waiting.pop_back();
      if ((name.starts_with(folder + "/") || name.starts_with("sluice/")) && reached.insert(name).second) {
        if (const auto next = leads_to.find(name); next != leads_to.end()) {
          waiting.insert(waiting.end(), next->second.begin(), next->second.end());
        }
      }
    }
    return reached;
  }

  fs::path root_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> violations(const fs::path& root) { return checker{root}.run(); }

}  // namespace sluice::layout
