#include "report/table.hpp"

#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace jobhost::report {
namespace {

void check(int result) {
  if (result < 0) throw std::runtime_error("libsmartcols cannot lay out a table");
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

/// Whole lines; those of the library are padded where the last cells are empty.
std::string without_trailing_blanks(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find_last_not_of(' ') + 1);
    lines.append(line).push_back('\n');
  }
  return lines;
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
    const bool cut = width > 0 && (columns[c].long_text || (c + 1 == columns.size() && !columns[c].right));
    const int flags = (columns[c].right ? SCOLS_FL_RIGHT : 0) | (cut ? SCOLS_FL_TRUNC : 0);
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
    std::size_t widest = characters(columns[c].name);
    for (const auto& row : rows) widest = std::max(widest, characters(row[c]));
    columns[c].least = std::max(columns[c].least, widest);
  }
  return without_trailing_blanks(text ? text : "");
}

}  // namespace jobhost::report
