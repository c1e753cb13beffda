#include "cli/execute.hpp"

#include <ostream>

#include "cli/command_line.hpp"
#include "cli/help.hpp"
#include "cli/info_commands.hpp"

namespace sluice::cli {
namespace {

exit_code dispatch(const invocation& call, const surroundings& around) {
  if (call.has("help")) {
    around.out << (call.verb_named ? verb_help(*call.verb) : overview());
    return exit_code::done;
  }
  if (call.has("version")) return version_command({.verb = call.verb}, around);
  return call.verb->command(call, around);
}

}  // namespace

exit_code execute(std::span<const std::string> arguments, const surroundings& around) {
  try {
    auto code = dispatch(parse_command_line(arguments), around);
    around.out.flush();
    if (!around.out && code == exit_code::done) {
      around.error << "sluice: error: cannot write to standard output\n";
      code = exit_code::failed;
    }
    return code;
  } catch (const usage_error& problem) {
    around.error << "sluice: error: " << problem.what() << '\n';
    if (!problem.hint().empty()) around.error << "  " << problem.hint() << '\n';
    return exit_code::usage;
  } catch (const startup_error& problem) {
    around.error << "sluice: error: " << problem.what() << '\n';
    return problem.code();
  }
}

}  // namespace sluice::cli
