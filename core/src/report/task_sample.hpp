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

/// Numbers, as JSON, of a result that is a list of them: all, or some from the first to the last at equal distances.
struct Curve {
  std::size_t cell = 0;  // of the result
  std::uint64_t length = 0;
  std::vector<std::string> values;
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
  /// Tasks with curves, spread over the even sample; results that have them; numbers of a curve, and of all together.
  static constexpr std::uint64_t kCurves = 32, kCurvesOfTask = 8, kPoints = 400, kAllPoints = 40'000;

  /// `done`: how many tasks will be added.
  TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done);
  void add(const host::Block& block);
  void add_failure(const host::Block& block, std::optional<std::size_t> group, const std::string& in_one_line);

  /// By task number. To be asked when all are added.
  const std::map<std::uint64_t, SampledTask>& tasks();
  /// Cells of a result whose curves are kept.
  const std::vector<std::size_t>& lists() const { return lists_; }

 private:
  bool is_drawn();
  SampledTask read(const host::Block& block, std::uint64_t offset);
  void add_curves(const host::Block& block, std::uint64_t offset, SampledTask& task);

  bundle::InputReader inputs_;
  const Cells& results_;
  schema::Kernel shown_;
  std::vector<jobhost_column> columns_;
  std::uint64_t done_, rank_ = 0, next_ = 0, drawn_ = 0, failed_ = 0;
  std::vector<std::size_t> lists_;
  std::uint64_t curves_ = 0, next_curve_ = 0;  // tasks with curves; so many are drawn before the next one
  std::map<std::uint64_t, SampledTask> tasks_;
  std::map<std::pair<double, std::uint64_t>, SampledTask> slowest_;  // by duration and task
};

}  // namespace jobhost::report
