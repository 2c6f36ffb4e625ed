#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/env.hpp"
#include "bundle/inputs.hpp"
#include "schema/type.hpp"

namespace jobhost::bundle {

/// Where a job keeps its pack of that number: "inputs/0003".
std::string pack_name(std::size_t number);

/// Writes stored rows to `<job_directory>/<file>` in columns, segment by segment (at most 65,536 rows or about 4 MiB),
/// holding one segment in memory. Throws Error as base::File does.
class PackWriter {
 public:
  PackWriter(base::Env& env, const std::string& job_directory, const std::string& file,
             std::vector<schema::Type> columns);
  ~PackWriter();
  /// Appends the encoded value of column `column` of the current row; every column exactly once per row.
  void append(std::uint32_t column, base::ByteView value);
  void end_row();
  /// Instead of append and end_row, for a pack of one column and one row: a value of `size` bytes that `fill` hands
  /// over piece by piece, so that it need not be in memory.
  void only_value(std::uint64_t size, const std::function<void(const std::function<void(base::ByteView)>&)>& fill);
  /// Writes the last segment and the index. The writer is done afterwards.
  Pack finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jobhost::bundle
