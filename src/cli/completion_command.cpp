#include "cli/completion_command.hpp"

#include <ostream>

#include "cli/command_line.hpp"
#include "cli/completion.hpp"
#include "cli/console.hpp"

namespace sluice::cli {

exit_code completion_command(const invocation& call, const surroundings& around) {
  const auto& shell = call.words.front();
  around.out << (shell == "bash" ? bash_completion() : shell == "zsh" ? zsh_completion() : fish_completion());
  return exit_code::done;
}

}  // namespace sluice::cli
