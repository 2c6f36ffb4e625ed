#pragma once

#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace jobhost::cli {

/// The option of a command, or of the whole program, that a word such as "--format=csv" or "-j2" names; nullptr when
/// there is none.
const CLI::Option* option_of(const CLI::App& command, const CLI::App& app, const std::string& word);

/// Whether it is more than a flag.
bool takes_value(const CLI::Option& option);

}  // namespace jobhost::cli
