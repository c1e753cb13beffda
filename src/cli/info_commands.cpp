#include "cli/info_commands.hpp"

#include <iomanip>
#include <ostream>

#include "cli/build_info.hpp"
#include "cli/command_line.hpp"
#include "cli/console.hpp"
#include "cli/help.hpp"
#include "cli/nearest.hpp"
#include "cli/system_facts.hpp"

namespace sluice::cli {

exit_code version_command(const invocation& call, const surroundings& around) {
  if (!call.has("verbose")) {
    around.out << "sluice " << build_info::version << '\n';
    return exit_code::done;
  }
  for (const auto& [name, value] : system_facts()) around.out << std::left << std::setw(22) << name << value << '\n';
  return exit_code::done;
}

exit_code help_command(const invocation& call, const surroundings& around) {
  std::string name;
  for (const auto& word : call.words) name += (name.empty() ? "" : " ") + word;
  if (name.empty()) {
    around.out << overview();
    return exit_code::done;
  }
  if (const auto* verb = find_verb(name)) {
    around.out << verb_help(*verb);
    return exit_code::done;
  }
  std::vector<std::string_view> names;
  for (const auto& verb : verbs()) names.push_back(verb.name);
  const auto near = nearest(name, names);
  throw usage_error("unknown verb \"" + name + "\"",
                    near.empty() ? "`sluice help` lists the verbs" : "did you mean \"" + near + "\"?");
}

}  // namespace sluice::cli
