#pragma once

#include <cstdint>
#include <string>

namespace jobhost::cli {

/// Text of a job that is to stay on one line of a terminal: what base::printable() shows, with ends of lines as "\n".
std::string one_line(const std::string& text);

/// "1 task", "2 tasks"
std::string count_of(std::uint64_t n, const std::string& what);

}  // namespace jobhost::cli
