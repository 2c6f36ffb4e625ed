#pragma once

#include <string>
#include <vector>

#include "report/table.hpp"

namespace jobhost::cli {

/// Columns of the terminal that standard output is; 0 when it is none, and lines may be of any length.
int terminal_width();

/// Prints a table as wide as the terminal has room for.
void print_table(std::vector<report::TableColumn> columns, const std::vector<std::vector<std::string>>& rows);

}  // namespace jobhost::cli
