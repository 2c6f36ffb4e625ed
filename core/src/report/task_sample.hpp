#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle/input_reader.hpp"
#include "host/result_stream.hpp"
#include "report/cells.hpp"

namespace jobhost::report {

/// Numbers, as JSON, of a result that is a list of them: all, or those that its shape shows by, which are the first and
/// the last, and the least and the greatest of equal parts.
struct Curve {
  std::size_t cell = 0;  // of the result
  std::uint64_t length = 0;
  std::vector<std::uint64_t> at;  // their places, unless all are there
  std::vector<std::string> values;
};

/// Draws one at random out of each of `parts` equal parts of `count` things: the same ones each time.
class EvenDraw {
 public:
  EvenDraw(std::uint64_t parts, std::uint64_t count);
  /// Whether the next thing is drawn.
  bool take();

 private:
  std::uint64_t parts_, count_, rank_ = 0, drawn_ = 0, next_;
};

/// A task as a row of a table; cells are JSON.
struct SampledTask {
  double seconds = 0;
  unsigned attempts = 1;
  std::vector<std::string> inputs, results;  // no results when it failed
  std::optional<std::size_t> group;          // of its failure
  std::string failure;                       // in one line, "" when it succeeded
  std::vector<Curve> curves;                 // of few tasks
};

/// Some tasks for people to look at: all when there are few, else failed ones, the slowest, and one drawn at random out
/// of each of kEven equal parts of what is done: the same ones each time.
class TaskSample {
 public:
  static constexpr std::uint64_t kEven = 10'000, kFailed = 1000, kSlowest = 100;
  /// Tasks with curves, drawn out of all that succeeded; results that have them; numbers of a curve, and of all curves.
  static constexpr std::uint64_t kCurves = 32, kCurvesOfTask = 8, kPoints = 400, kAllPoints = 40'000;

  /// `done`: how many tasks will be added; `failed`: of those.
  TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done, std::uint64_t failed);
  void add(const host::Block& block);
  void add_failure(const host::Block& block, std::optional<std::size_t> group, const std::string& in_one_line);

  /// By task number. To be asked when all are added.
  const std::map<std::uint64_t, SampledTask>& tasks();
  /// Cells of a result whose curves are kept.
  const std::vector<std::size_t>& lists() const { return lists_; }

 private:
  SampledTask read(const host::Block& block, std::uint64_t offset);
  void add_curves(const host::Block& block, std::uint64_t offset, SampledTask& task);

  bundle::InputReader inputs_;
  const Cells& results_;
  schema::Kernel shown_;
  std::vector<jobhost_column> columns_;
  std::vector<std::size_t> lists_;
  EvenDraw even_, with_curves_;
  std::uint64_t failed_ = 0;
  std::map<std::uint64_t, SampledTask> tasks_;
  std::map<std::pair<double, std::uint64_t>, SampledTask> slowest_;  // by duration and task
};

}  // namespace jobhost::report
