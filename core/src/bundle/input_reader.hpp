#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/inputs.hpp"
#include "jobhost/sdk/abi.h"
#include "schema/type.hpp"

namespace jobhost::bundle {

/// Produces the argument columns of any range of tasks from the recipe, without materialising more than the range.
/// Not for several threads at once; each lane has its own reader.
class InputReader {
 public:
  /// `job_directory` is where packs are found. Keeps references to nothing but `env`. Opens packs on first use and maps
  /// them read-only (they are complete and immutable); checks each segment's checksum before its values are used.
  InputReader(base::Env& env, const Inputs& inputs, const schema::Kernel& kernel, std::string job_directory);
  ~InputReader();

  /// Fills one column per parameter for tasks [first, first+m) and returns m, 1 <= m <= n (less than n where a stored
  /// segment ends). Constants have stride 0. The columns stay valid until the next call. `first` + `n` must not exceed
  /// task_count. Throws Error(kDamaged) when a pack is missing or does not match its checksum.
  std::uint64_t read(std::uint64_t first, std::uint64_t n, std::vector<jobhost_column>& columns);
  /// The same without the kernel's own columns, as schema::as_shown has the kernel.
  std::uint64_t read_shown(std::uint64_t first, std::uint64_t n, std::vector<jobhost_column>& columns);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The encoded value of one task in a column.
inline base::ByteView value_at(const jobhost_column& column, std::uint64_t i) {
  if (column.offsets) return {column.data + column.offsets[i], column.offsets[i + 1] - column.offsets[i]};
  return {column.data + i * column.stride, column.size};
}

}  // namespace jobhost::bundle
