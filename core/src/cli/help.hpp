#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace jobhost::cli {

/// CLI11's help without its notes on checks and exclusions.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override;
};

/// The commands of the program by group, in the order in which they are shown.
extern const std::vector<std::pair<std::string, std::vector<std::string>>> kCommandGroups;

/// The manual page (section 1, for man's macros) of the whole program, or of one of its commands.
std::string man_page(const CLI::App& app);
std::string man_page(const CLI::App& app, const std::string& command);

}  // namespace jobhost::cli
