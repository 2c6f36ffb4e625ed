#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobhost/sdk/abi.h"
#include "schema/type.hpp"
#include "schema/value.hpp"

namespace jobhost::report {

/// Rows of numbers only, written without looking at their types again for every row.
class NumberRows {
 public:
  /// What stands before the task's number, before each value, and at the row's end.
  struct Frame {
    std::string begin, end;
    std::vector<std::string> before;  // of each parameter, then of the result
  };
  /// Nothing when a parameter or the result is no number.
  static std::optional<NumberRows> of(const schema::Kernel& kernel, bool json, Frame frame);

  /// Appends the rows of tasks [first, first+n).
  void append(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
              const jobhost_column& results, std::string& out) const;

 private:
  explicit NumberRows(Frame frame) : frame_(std::move(frame)) {}
  Frame frame_;
  std::vector<schema::NumberText> texts_;  // of each parameter, then of the result
  std::size_t longest_ = 0;                // characters of a row
};

}  // namespace jobhost::report
