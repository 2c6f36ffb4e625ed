#include "cli/option_of.hpp"

#include <CLI/CLI.hpp>

namespace jobhost::cli {

const CLI::Option* option_of(const CLI::App& command, const CLI::App& app, const std::string& word) {
  const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
  const CLI::Option* option = command.get_option_no_throw(name);
  return option ? option : app.get_option_no_throw(name);
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

}  // namespace jobhost::cli
