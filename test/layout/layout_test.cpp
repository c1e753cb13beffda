#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "layout/layout_rules.hpp"
#include "layout/source_file.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

namespace fs = std::filesystem;

namespace {

// A small tree that keeps every rule, until a test plants something.
class planted_tree {
 public:
  planted_tree() {
    write("include/sluice/config.hpp", "#pragma once\n#include <string>\n");
    write("src/sys/pipe.hpp", "#pragma once\n#include <sys/uio.h>\n");
    write("src/sys/pipe.cpp", "#include \"sys/pipe.hpp\"\n#include <fcntl.h>\nvoid f() { ::pipe2(a, 0); }\n");
    write("src/relay/pump.hpp", "#pragma once\n#include \"sys/pipe.hpp\"\n#include \"sluice/config.hpp\"\n");
    write("src/relay/pump.cpp", "#include \"relay/pump.hpp\"\n");
    write("src/relay/limits.cpp", "#include <string>\n\n#include \"sluice/config.hpp\"\n");
    write("src/main.cpp", "#include \"cli/cli.hpp\"\n");
    write("src/relay/relay.hpp", "#pragma once\n");
    write("src/relay/relay.cpp", "#include \"relay/relay.hpp\"\n#include \"relay/detail.hpp\"\n");
    write("src/relay/detail.hpp", "#pragma once\n");
    write("src/relay/detail.cpp", "#include \"relay/detail.hpp\"\n");
    write("test/sys/pipe_test.cpp", "#include \"sys/pipe.hpp\"\n");
    write("test/relay/relay_test.cpp",
          "#include \"relay/pump.hpp\"\n#include \"relay/relay.hpp\"\n#include \"sluice/config.hpp\"\n");
  }

  const fs::path& root() const { return root_.path(); }

  void write(const fs::path& path, std::string_view text) const {
    fs::create_directories((root() / path).parent_path());
    std::ofstream{root() / path} << text;
  }

 private:
  sluice::support::temporary_directory root_;
};

struct plant {
  std::string path;
  std::string text;
  std::string expected;  // part of the one line reported; empty: nothing is
};

std::vector<plant> plants() {
  const std::string many_lines(351, '\n');
  return {
      {"src/relay/pump.cpp", "#include \"server/proxy.hpp\"\n", "pump.cpp:1: relay may not see server/proxy.hpp"},
      {"src/relay/pump.cpp", "\n#include \"accept/listener.hpp\"\n",
       "pump.cpp:2: relay may not see accept/listener.hpp"},
      {"src/relay/pump.cpp", "#include \"pump.hpp\"\n", "is not \"folder/file.hpp\""},
      {"src/relay/pump.cpp", "#include <boost/asio/post.hpp>\n", "may see boost/asio/post.hpp"},
      {"src/relay/pump.cpp", "#  include <toml.hpp>\n", "only config may see toml.hpp"},
      {"src/relay/pump.cpp", "#include <toml11/parser.hpp>\n", "only config may see toml11/parser.hpp"},
      {"src/relay/pump.cpp", "#include <spdlog/logger.h>\n", "only log may see spdlog/logger.h"},
      {"src/relay/pump.cpp", "#include <boost/program_options.hpp>\n", "only cli may see boost/program_options.hpp"},
      {"src/relay/pump.cpp", "#include <sys/epoll.h>\n#include <mutex>\n", ""},
      {"src/relay/pump.cpp", many_lines, "longer than 350 lines"},
      {"src/relay/pump.cpp", "auto n = ::splice(a, b);\n", "pump.cpp:1: raw splice() outside src/sys"},
      {"src/relay/pump.cpp", "int f() {\n  return splice(a, b);\n}\n", "pump.cpp:2: raw splice()"},
      {"src/relay/pump.cpp", "if (!(epoll_ctl(e, 1, 2, 0) == 0)) {}\n", "raw epoll_ctl()"},
      {"src/relay/pump.cpp", "{ ::tee (a, b, 1, 0); }\n", "raw tee()"},
      {"src/relay/pump.cpp", "auto n = sys::splice(a) + calls_.splice(b) + p->tee(c);\n", ""},
      {"src/relay/pump.cpp", "// ::splice(a)\n/* pipe2(\n) */ auto s = \"::tee(\\\"\"; auto r = R\"(::tee(\")\";\n",
       ""},
      {"src/relay/pump.hpp", "#pragma once\nstruct io { int splice(int a); void* tee(int); };\n", ""},
      {"src/relay/pump.hpp", "struct io {};\n", "no #pragma once"},
      {"src/relay/pool.cpp", "", "pool.cpp:1: no test in test/relay reaches it"},
      {"test/sys/pipe_test.cpp", "", "pipe.cpp:1: no test in test/sys reaches it"},
      {"src/rely/pump.hpp", "", "the rules know no folder rely"},
      {"src/balance/policy.hpp", "#pragma once\n#include \"sys/pipe.hpp\"\n", "balance may not see sys/pipe.hpp"},
      {"src/balance/policy.hpp", "#pragma once\n#include <sys/socket.h>\n", "foreign header: sys/socket.h"},
      {"src/loop/task.hpp", "#pragma once\n#include \"sluice/config.hpp\"\n", "loop may not see sluice/config.hpp"},
      {"src/sys/pipe.hpp", "#pragma once\n#include <boost/config.hpp>\n", "foreign header: boost/config.hpp"},
      {"src/sys/pipe.hpp", "#pragma once\n#include \"loop/task.hpp\"\n", "sys may not see loop/task.hpp"},
      {"src/log/logger.hpp", "#pragma once\n#include \"sys/pipe.hpp\"\n", "log may not see sys/pipe.hpp"},
      {"src/cli/cli.hpp", "#pragma once\n#include \"server/proxy.hpp\"\n", "cli may not see server/proxy.hpp"},
      {"src/main.cpp", "#include \"server/proxy.hpp\"\n", "main may not see server/proxy.hpp"},
      {"include/sluice/stats.hpp", "#pragma once\n#include <boost/asio/post.hpp>\n", "may see boost/asio/post.hpp"},
      {"include/sluice/stats.hpp", "#pragma once\n#include <sys/types.h>\n", "foreign header: sys/types.h"},
      {"include/sluice/stats.hpp", "#pragma once\n#include \"relay/pump.hpp\"\n", "sluice may not see relay/pump.hpp"},
  };
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    text += line + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("layout: this tree keeps its rules", "[layout]") {
  const auto found = sluice::layout::violations(SLUICE_SOURCE_DIR);
  INFO(joined(found));
  CHECK(found.empty());
}

TEST_CASE("layout: a tree that keeps every rule has no violation", "[layout]") {
  const planted_tree tree;
  const auto found = sluice::layout::violations(tree.root());
  INFO(joined(found));
  CHECK(found.empty());
}

TEST_CASE("layout: each planted violation is found, and nothing else", "[layout]") {
  for (const auto& plant : plants()) {
    const planted_tree tree;
    tree.write(plant.path, plant.text);
    const auto found = sluice::layout::violations(tree.root());
    INFO(plant.path << " with:\n" << plant.text << "found:\n" << joined(found));
    REQUIRE(found.size() == (plant.expected.empty() ? 0 : 1));
    if (!plant.expected.empty()) {
      CHECK(found.front().find(plant.expected) != std::string::npos);
    }
  }
}

TEST_CASE("layout: an unreadable tree is an error, not a tree without violations", "[layout]") {
  CHECK_THROWS_AS(sluice::layout::violations("/nonexistent"), fs::filesystem_error);
  CHECK_THROWS_AS(sluice::layout::read_source("/nonexistent", "src/main.cpp"), fs::filesystem_error);
}
