#include "report/table.hpp"

#include <libsmartcols/libsmartcols.h>

#include <clocale>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace jobhost::report {
namespace {

void check(int result) {
  if (result < 0) throw std::runtime_error("libsmartcols cannot lay out a table");
}

}  // namespace

std::string format_table(std::vector<TableColumn>& columns, const std::vector<std::vector<std::string>>& rows,
                         int width, bool header) {
  if (!std::setlocale(LC_CTYPE, "C.UTF-8")) std::setlocale(LC_CTYPE, "");  // it counts characters, not bytes
  const std::unique_ptr<libscols_table, decltype(&scols_unref_table)> table(scols_new_table(), &scols_unref_table);
  if (!table) throw std::bad_alloc();
  check(scols_table_enable_noheadings(table.get(), !header));
  check(scols_table_set_column_separator(table.get(), "  "));
  if (width > 0) {
    check(scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_ALWAYS));
    check(scols_table_set_termwidth(table.get(), static_cast<std::size_t>(width)));
  } else {
    check(scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER));
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const int flags =
        (columns[c].right ? SCOLS_FL_RIGHT : 0) | (c + 1 == columns.size() && width > 0 ? SCOLS_FL_TRUNC : 0);
    // A width hint above 1 is in characters; what is wider makes the column wider.
    if (!scols_table_new_column(table.get(), columns[c].name.c_str(), static_cast<double>(columns[c].least), flags)) {
      throw std::bad_alloc();
    }
  }
  for (const auto& row : rows) {
    libscols_line* line = scols_table_new_line(table.get(), nullptr);
    if (!line) throw std::bad_alloc();
    for (std::size_t c = 0; c < row.size(); ++c) check(scols_line_set_data(line, c, row[c].c_str()));
  }
  char* text = nullptr;
  check(scols_print_table_to_string(table.get(), &text));
  const std::unique_ptr<char, decltype(&std::free)> owned(text, &std::free);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::size_t widest = columns[c].name.size();
    for (const auto& row : rows) widest = std::max(widest, row[c].size());
    columns[c].least = std::max(columns[c].least, widest);
  }
  return text ? text : "";
}

}  // namespace jobhost::report
