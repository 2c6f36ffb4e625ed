#pragma once

#include <string>
#include <vector>

#include "cli/session.hpp"

namespace jobhost::cli {

/// What may stand in place of the last word of a command line, in which the shell completes file names where there is
/// nothing. Words that are not complete in themselves end in '=', ':', ',' or '/'.
std::vector<std::string> candidates_for(const CLI::App& app, Session& session, const std::string& line);

}  // namespace jobhost::cli
