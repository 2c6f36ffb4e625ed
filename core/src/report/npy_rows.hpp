#pragma once

#include "report/rows.hpp"

namespace jobhost::report {

/// Rows as one structured array of NumPy (.npy, format 1): "task", the inputs and results that are numbers or truth
/// values, and "ok", false for a failed task, whose results are NaN or 0. Inputs that are neither are left out. Throws
/// Error(kUsage) when no part of the result can be written.
std::unique_ptr<RowWriter> make_npy_writer(const schema::Kernel& kernel, TextSink sink, std::uint64_t rows);

}  // namespace jobhost::report
