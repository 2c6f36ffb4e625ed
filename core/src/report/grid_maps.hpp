#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "host/submission.hpp"
#include "report/cells.hpp"

namespace jobhost::report {

/// An axis of the grid of inputs that has more than one position, cut into at most so many bins of neighbours.
struct GridAxis {
  std::string name;                 // of its first parameter, preferably a number
  std::vector<std::string> values;  // of the first position in each bin, as JSON
  bool numeric = false;
  std::uint64_t length = 0, bins = 0;
  std::uint64_t stride = 1;  // tasks from one position to the next
};

/// Means over the tasks that fall into each cell of two axes; rows are the second axis.
struct GridMap {
  std::size_t x = 0, y = 0;  // axes
  struct Column {
    std::vector<double> mean;
    std::vector<std::uint64_t> count;  // of numbers that are finite
    std::uint64_t not_finite = 0;      // numbers of all cells
  };
  std::vector<Column> columns;
  std::vector<std::uint64_t> succeeded, failed;  // tasks
};

/// Heat maps of every numeric result over every pair of axes, where the inputs are a grid of two or three.
class GridMaps {
 public:
  static constexpr std::size_t kCells = 120'000, kSide = 200;  // of all maps together; of one

  /// `columns`: numbers per task.
  GridMaps(base::Env& env, const host::Job& job, std::size_t columns);
  /// `values`: of one task that succeeded, or null of one that failed.
  void add(std::uint64_t task, const double* values);

  const std::vector<GridAxis>& axes() const { return axes_; }
  const std::vector<GridMap>& maps() const { return maps_; }

 private:
  std::vector<GridAxis> axes_;
  std::vector<GridMap> maps_;
};

}  // namespace jobhost::report
