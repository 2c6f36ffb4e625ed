#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobhost/sdk/abi.h"
#include "report/integer_text.hpp"
#include "report/row_text.hpp"
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
  static std::optional<NumberRows> of(const schema::Kernel& kernel, bool json, const Frame& frame);

  /// Appends the rows of tasks [first, first+n).
  void append(std::uint64_t first, std::uint64_t n, const std::vector<jobhost_column>& inputs,
              const jobhost_column& results, Buffer& buffer);

 private:
  struct Column {
    Column(const schema::Type& type, const std::string& text_before, bool json);
    char* put(char* at, const unsigned char* value);

    std::string before;
    IntegerText integer;
    std::uint64_t width;  // of an integer; 0 for what `other` writes
    bool is_signed;
    schema::NumberText other;  // null when the type is no number
  };

  explicit NumberRows(const Frame& frame) : tasks_(frame.begin), end_(frame.end) {}

  IntegerText tasks_;
  std::vector<Column> columns_;  // of each parameter, then of the result
  std::string end_;
  std::size_t longest_ = 0;  // characters of a row
  std::unique_ptr<char[]> block_;
};

}  // namespace jobhost::report
