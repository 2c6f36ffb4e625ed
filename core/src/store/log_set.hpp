#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "store/job_directory.hpp"
#include "store/log_reader.hpp"

namespace jobhost::store {

/// A place in a log that is not as it was written.
struct LogFinding {
  std::string path;
  std::uint64_t offset = 0;
  std::string what;      // a sentence without full stop
  bool damaged = false;  // false: a write that was cut off, which happens when a writer is killed
};

/// All logs of a job, followed together. Logs are numbered in the order in which they were found.
class LogSet {
 public:
  LogSet(base::Env& env, JobDirectory job, const Id128& manifest);

  /// Looks for new log files in the directory.
  void discover();
  /// Hands every frame that became complete since the last call to `frame`, log by log; returns how many there were.
  std::size_t read(const std::function<void(std::size_t log, const Frame&)>& frame);
  /// The same for new and known logs of one party, whose id is 32 hexadecimal digits, without a look at any others; and
  /// as new as the file system has them.
  std::size_t read_of(const std::string& party, const std::function<void(std::size_t log, const Frame&)>& frame);
  /// The same for one log.
  std::size_t read_log(std::size_t number, const std::function<void(std::size_t log, const Frame&)>& frame);
  /// What is read next is as new as the file system has it. Only where that may lag does it make a difference.
  void renew();
  bool lag() const { return lags_; }
  LogReader& log(std::size_t number) { return logs_[number]; }
  const LogReader& log(std::size_t number) const { return logs_[number]; }
  std::size_t size() const { return logs_.size(); }
  /// What readers pass over. For logs that nobody writes to any more: of a log that grows, a part may be on its way.
  std::vector<LogFinding> findings();

 private:
  void discover_in(const std::string& folder);

  base::Env& env_;
  JobDirectory job_;
  Id128 manifest_;
  bool lags_;              // the job's file system may
  std::size_t held_open_;  // logs
  std::deque<LogReader> logs_;
  std::map<std::string, std::size_t> known_;  // number by path
};

}  // namespace jobhost::store
