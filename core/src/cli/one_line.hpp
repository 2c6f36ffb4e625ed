#pragma once

#include <string>

namespace jobhost::cli {

/// Text of a job that is to stay on one line of a terminal: what base::printable() shows, with ends of lines as "\n".
std::string one_line(const std::string& text);

}  // namespace jobhost::cli
