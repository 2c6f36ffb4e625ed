#include "cli/tables.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace jobhost::cli {

int terminal_width() {
  winsize size{};
  return ::isatty(1) == 1 && ::ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void print_table(std::vector<report::TableColumn> columns, const std::vector<std::vector<std::string>>& rows) {
  std::fputs(report::format_table(columns, rows, terminal_width(), true).c_str(), stdout);
}

}  // namespace jobhost::cli
