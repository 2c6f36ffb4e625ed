#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>

#include "store/job_directory.hpp"
#include "store/log_reader.hpp"

namespace jobhost::store {

/// All logs of a job, followed together. Logs are numbered in the order in which they were found.
class LogSet {
 public:
  LogSet(base::Env& env, JobDirectory job, const Id128& manifest);

  /// Looks for new log files in the directory.
  void discover();
  /// Hands every frame that became complete since the last call to `frame`, log by log; returns how many there were.
  std::size_t read(const std::function<void(std::size_t log, const Frame&)>& frame);
  LogReader& log(std::size_t number) { return logs_[number]; }
  const LogReader& log(std::size_t number) const { return logs_[number]; }
  std::size_t size() const { return logs_.size(); }

 private:
  base::Env& env_;
  JobDirectory job_;
  Id128 manifest_;
  std::deque<LogReader> logs_;
  std::set<std::string> known_;
};

}  // namespace jobhost::store
