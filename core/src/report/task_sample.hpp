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

/// A task as a row of a table; cells are JSON.
struct SampledTask {
  double seconds = 0;
  unsigned attempts = 1;
  std::vector<std::string> inputs, results;  // no results when it failed
  std::optional<std::size_t> group;          // of its failure
  std::string failure;                       // in one line, "" when it succeeded
};

/// Some tasks for people to look at: all when there are few, else failed ones, the slowest, and one drawn at random out
/// of each of kEven equal parts of what is done: the same ones each time.
class TaskSample {
 public:
  static constexpr std::uint64_t kEven = 10'000, kFailed = 1000, kSlowest = 100;

  /// `done`: how many tasks will be added.
  TaskSample(base::Env& env, const host::Job& job, const Cells& results, std::uint64_t done);
  void add(const host::Block& block);
  void add_failure(const host::Block& block, std::optional<std::size_t> group, const std::string& in_one_line);

  /// By task number. To be asked when all are added.
  const std::map<std::uint64_t, SampledTask>& tasks();

 private:
  bool is_drawn();
  SampledTask read(const host::Block& block, std::uint64_t offset);

  bundle::InputReader inputs_;
  const Cells& results_;
  schema::Kernel shown_;
  std::vector<jobhost_column> columns_;
  std::uint64_t done_, rank_ = 0, next_ = 0, drawn_ = 0, failed_ = 0;
  std::map<std::uint64_t, SampledTask> tasks_;
  std::map<std::pair<double, std::uint64_t>, SampledTask> slowest_;  // by duration and task
};

}  // namespace jobhost::report
