#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace jobhost::cli {

/// Gives the program and its commands CLI11's help without the notes on checks and exclusions.
void set_help_format(CLI::App& app);

/// The commands of the program by group, in the order in which they are shown.
extern const std::vector<std::pair<std::string, std::vector<std::string>>> kCommandGroups;

/// The manual page (section 1, for man's macros) of the whole program, or of one of its commands.
std::string man_page(const CLI::App& app);
std::string man_page(const CLI::App& app, const std::string& command);

}  // namespace jobhost::cli
