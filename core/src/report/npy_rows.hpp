#pragma once

#include "report/rows.hpp"

namespace jobhost::report {

inline constexpr const char* kWhatNpyHas = "a .npy file has only numbers and arrays of fixed size";

/// A column that has no place in an array, and its C++ type.
struct LeftOut {
  std::string name, type;
};
std::vector<LeftOut> left_out_of_npy(const schema::Kernel& kernel);

/// Rows as an array of NumPy (.npy, format 1) whose columns have names: "task", the inputs and results that are
/// numbers, truth values or arrays of them, and "ok", false for a failed task, whose results are NaN or 0. What is none
/// of these is left out. Where `extent.columns` names some, a plain array of them. Throws Error(kUsage) when no part of
/// the result can be written, or when those columns are not there or of different types.
std::unique_ptr<RowWriter> make_npy_writer(const schema::Kernel& kernel, TextSink sink, const Extent& extent);

}  // namespace jobhost::report
