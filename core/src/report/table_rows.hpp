#pragma once

#include <memory>

#include "report/rows.hpp"

namespace jobhost::report {

/// Rows for people. The first rows decide the columns' widths; later ones keep them, so that a table of any length
/// streams in constant memory.
std::unique_ptr<RowWriter> make_table_writer(const schema::Kernel& kernel, TextSink sink, int width);

}  // namespace jobhost::report
