#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/submission.hpp"
#include "jobhost/sdk/abi.h"
#include "store/failure.hpp"
#include "store/interval_set.hpp"
#include "store/log_set.hpp"

namespace jobhost::host {

/// Tasks [first, first+count), either all with results or one that failed.
struct Block {
  std::uint64_t first = 0, count = 0;
  std::uint64_t nanoseconds = 0;  // mean of the frame, per task
  double seconds = 0;             // these tasks together, as their share of the frame
  std::uint64_t started_ns = 0;   // the frame, by the wall clock of its machine
  std::size_t log = 0;            // that holds them, as each_log() counts
  std::uint16_t attempts = 1;
  bool failed = false;
  jobhost_column results{};                           // of the kernel's result type; position 0 is task `first`
  store::Failure failure;                             // when failed
  const std::vector<std::string>* modules = nullptr;  // what the failure's stack refers to
};

/// What one log holds: how many tasks were first recorded there, and from when to when they ran, by the wall clock of
/// their machine.
struct LogTally {
  std::uint64_t tasks = 0, failed = 0;
  std::uint64_t begin_ns = UINT64_MAX, end_ns = 0;
};

/// Follows the logs of a job and yields every task exactly once, in order, as soon as all before it are there. Holds an
/// index of what is ahead, never the results themselves.
class ResultStream {
 public:
  ResultStream(base::Env& env, const Job& job);

  /// Reads what the logs gained; true when there was something.
  bool poll();
  /// Reads all that is there. Of a job that has just been marked as done that is all that belongs to it: what the file
  /// system does not show yet is waited for.
  void read_all();
  /// The next block in order, or nothing when the next task is not done yet. Valid until the next call. A record that
  /// does not match its checksum counts as not there; one that does, and makes no sense for this job, was written by
  /// something else: Error(kDamaged), naming the log.
  const Block* next();

  /// The next block that is there, whatever is missing before it: for looking at an unfinished job.
  const Block* next_available();

  /// A block that begins with this task and holds at most `most`, or nothing when it is not done yet. For looking;
  /// leaves the order alone.
  const Block* find(std::uint64_t task, std::uint64_t most = 1);

  bool finished() const { return yielded_ == job_.manifest.tasks; }
  std::uint64_t done() const { return seen_.size(); }       // tasks in the logs
  std::uint64_t failed() const { return failed_; }          // of those
  std::uint64_t duplicates() const { return duplicates_; }  // results beyond the first of their task
  const store::IntervalSet& seen() const { return seen_; }
  /// For each log, its path and what it holds.
  void each_log(const std::function<void(const std::string& path, const LogTally& tally)>& tell) const;
  /// Places of logs that are damaged, in words, when tasks are missing for that: to be asked when nobody writes.
  std::vector<std::string> damage();
  /// The slowest task or mean of a sub-batch so far: task and seconds.
  std::pair<std::uint64_t, double> slowest() const { return {slowest_task_, slowest_seconds_}; }

 private:
  struct Part {
    std::uint64_t end;
    std::size_t log;
    store::Frame frame;
  };
  std::size_t read_logs();
  bool just_done() const;
  void index(std::size_t log, const store::Frame& frame);
  void load(const Part& part);
  const std::vector<std::string>* modules_of(const Part& part) const;
  const Block* block_of(const Part& part, std::uint64_t first, std::uint64_t end);

  const Job& job_;
  store::LogSet logs_;
  std::optional<std::uint64_t> result_size_;
  std::vector<LogTally> tallies_;        // by log
  std::map<std::uint64_t, Part> ahead_;  // by first task; disjoint
  store::IntervalSet seen_;
  std::map<std::pair<std::size_t, std::uint64_t>, std::vector<std::string>> modules_;  // by log and offset
  std::uint64_t position_ = 0, yielded_ = 0, failed_ = 0, duplicates_ = 0;
  std::uint64_t slowest_task_ = 0;
  double slowest_seconds_ = 0;
  base::Bytes payload_;
  Block block_;
  std::uint64_t last_discovery_ = 0;
  base::Env& env_;
  bool lags_;  // the job's file system may
};

}  // namespace jobhost::host
