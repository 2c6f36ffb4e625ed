#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace jobhost::report {

/// What a diagnosis is made from.
struct Figures {
  std::uint64_t tasks = 0, done = 0, failed = 0;
  bool works = false;           // somebody is at work on it
  double wall_seconds = 0;      // from the first task's start to the last one's end
  double task_seconds = 0;      // of all tasks together
  unsigned lanes = 1;           // that were asked for
  std::size_t lanes_used = 0;   // that ran tasks
  double idle_seconds = 0;      // in which no task ran
  double tail_seconds = 0;      // at the end, in which one lane alone had tasks
  std::uint64_t last_task = 0;  // that it ended with
  double last_task_seconds = 0;
  bool last_task_alone = true;  // it ran in no batch with others
  bool last_task_timed_out = false, last_task_crashed = false;
  std::uint64_t crashed = 0;
  std::uint64_t timed_out = 0;   // tasks that ran into their time limit
  double timed_out_seconds = 0;  // of all their attempts
  std::size_t failure_groups = 0;
  std::uint64_t largest_group = 0;  // failures in it
  std::string largest_headline;     // "std::domain_error: unlucky 13 at f at pi.cpp:12"

  double speed_up() const { return wall_seconds > 0 ? task_seconds / wall_seconds : 0; }
  /// Speed-up and efficiency would say how long starting takes.
  bool too_short() const { return wall_seconds < 0.5; }
  double efficiency() const { return lanes > 0 ? speed_up() / lanes : 0; }
};

/// What is most worth knowing of a job, each a sentence: first what became of its tasks, then how well its workers were
/// used and what would help.
std::vector<std::string> diagnosis(const Figures& figures);

/// "1,234,567"
std::string grouped(std::uint64_t number);

}  // namespace jobhost::report
