#pragma once

#include "report/rows.hpp"

namespace jobhost::report {

/// Rows for gnuplot: blanks between columns, texts in quotes, a first line that names the columns. An empty line stands
/// between blocks of `block` tasks (0: none), as `splot` wants it of a grid.
std::unique_ptr<RowWriter> make_gnuplot_writer(const schema::Kernel& kernel, TextSink sink, std::uint64_t block);

}  // namespace jobhost::report
