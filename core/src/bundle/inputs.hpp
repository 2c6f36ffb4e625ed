#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "schema/type.hpp"

/// The inputs of a job as a recipe: tasks are the cross product of axes, the last axis varies fastest. A grid over 10^9
/// points is three numbers per axis; only values read from files are stored.
namespace jobhost::bundle {

/// The same encoded value for every position of its axis.
struct Constant {
  base::Bytes value;
  friend bool operator==(const Constant&, const Constant&) = default;
};

/// Value k is start + k*step: integers modulo 2^64 truncated to the parameter's width (never overflowing: checked when
/// the recipe is made), floating-point parameters in the parameter's own type (double for float).
struct IntegerRange {
  std::uint64_t start = 0;  // two's complement
  std::uint64_t step = 1;   // two's complement
  friend bool operator==(const IntegerRange&, const IntegerRange&) = default;
};
struct FloatRange {
  double start = 0, step = 1;
  friend bool operator==(const FloatRange&, const FloatRange&) = default;
};

/// Value k is (start + k*step) / 10^places: the number nearest to the decimal on paper, as 0.3 is behind 0.2 in steps
/// of 0.1, where sums and products in binary are off by their last digit. Numerators are at most kMaxNumerator and
/// `places` at most kMaxPlaces, so that a double holds both sides of the division exactly.
struct DecimalRange {
  static constexpr std::int64_t kMaxNumerator = std::int64_t{1} << 53;
  static constexpr unsigned kMaxPlaces = 22;
  std::int64_t start = 0, step = 1;
  unsigned places = 1;
  friend bool operator==(const DecimalRange&, const DecimalRange&) = default;
};

/// So many values from `first` to `last`, both included: value k is first + k*step with step = (last-first)/(count-1),
/// the last one exactly `last` (as numpy.linspace does it).
struct Linspace {
  double first = 0, last = 0;
  std::uint64_t count = 1;
  friend bool operator==(const Linspace&, const Linspace&) = default;
};

/// A random number per task, the same whoever runs it: the first word of Philox4x64-10 (Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3", 2011) with key {key, 0} and counter {task, 0, 0, 0}, cut to the parameter's width and
/// without sign bit. Counts tasks, not positions of its axis, which has length 1.
struct Seeds {
  std::uint64_t key = 0;
  friend bool operator==(const Seeds&, const Seeds&) = default;
};

/// Values kept in a pack (store/…/inputs/NNNN): column `column` of pack `pack`, one row per position.
struct Stored {
  std::uint32_t pack = 0, column = 0;
  friend bool operator==(const Stored&, const Stored&) = default;
};

struct Source {
  std::uint32_t parameter = 0;  // index into Kernel::parameters
  std::variant<Constant, IntegerRange, FloatRange, DecimalRange, Linspace, Seeds, Stored> values;
  bool common = false;  // given as one value for all tasks, on an axis of length 1
  friend bool operator==(const Source&, const Source&) = default;
};

struct Axis {
  std::uint64_t length = 1;  // positions; 0 makes a job without tasks
  std::vector<Source> sources;
  friend bool operator==(const Axis&, const Axis&) = default;
};

/// A file of stored rows inside the job directory, made by bundle::PackWriter.
struct Pack {
  std::uint64_t rows = 0;
  std::string file;          // relative to the job directory: "inputs/0000"
  std::string index_sha256;  // digest of the pack's index, which covers every segment by checksum
  friend bool operator==(const Pack&, const Pack&) = default;
};

struct Inputs {
  std::vector<Axis> axes;  // every parameter of the kernel occurs in exactly one source
  std::vector<Pack> packs;
  friend bool operator==(const Inputs&, const Inputs&) = default;
};

/// Product of the axes' lengths. Throws Error(kUsage) above 2^47 tasks.
std::uint64_t task_count(const Inputs& inputs);

/// By parameter, whether it has a common value.
std::vector<bool> common_parameters(const Inputs& inputs, const schema::Kernel& kernel);

/// Throws base::Malformed when the recipe does not give each parameter of the kernel values of its type.
void check_fit(const Inputs& inputs, const schema::Kernel& kernel);

}  // namespace jobhost::bundle
