#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.hpp"

namespace sluice::cli {

/// What each shell sources to complete sluice's command lines, made from the table of verbs.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

/// The first words of the verbs, each once: "run", "config".
std::vector<std::string_view> first_words();

/// The second words of the verbs that begin with `first`: "show", "schema"; none for a verb of one word.
std::vector<std::string_view> second_words(std::string_view first);

/// The words with blanks between them.
std::string in_a_row(const std::vector<std::string_view>& words);

/// `text` between single quotes, as every shell takes it.
std::string in_single_quotes(std::string_view text);

/// The value is a file's name.
bool takes_file(const option_spec& option) noexcept;

}  // namespace sluice::cli
