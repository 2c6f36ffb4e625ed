#pragma once

#include <string>
#include <vector>

namespace jobhost::report {

struct TableColumn {
  std::string name;
  bool right = false;      // numbers
  std::size_t least = 0;   // characters the column has at least
  bool long_text = false;  // the first to be cut where there is too little room
};

/// Lines of a table with aligned columns, header first, without blanks at their ends. `width` > 0: what is long, and
/// the last column, are cut so that rows fit into that many characters (a terminal). Widths of the columns are put into
/// `columns[i].least`, so that a following part can be laid out alike.
std::string format_table(std::vector<TableColumn>& columns, const std::vector<std::vector<std::string>>& rows,
                         int width, bool header);

}  // namespace jobhost::report
