#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::host {

/// What a new job got from earlier ones.
struct Reuse {
  std::uint64_t tasks = 0;  // with results now
  std::uint64_t jobs = 0;   // that they came from
  std::string why_nothing;  // where `tasks` is 0: what kept the nearest earlier job of the kernel from being of use
  std::vector<std::string> left_out = {};  // sentences: earlier jobs that are damaged
  std::vector<std::string> doubtful = {};  // ids of earlier jobs that were used, and whose workers left notes
};

/// Writes successful results of the store's other jobs into a log of `job`, which has no worker yet and whose manifest
/// says `reused`: those of tasks with the same code, context and argument bytes (docs/design.md says what belongs to
/// that). Throws Error(kUsage) when the job has too many tasks to compare.
Reuse reuse_results(base::Env& env, store::Store& store, const Job& job);

/// How many of a job's results were taken from earlier ones.
std::uint64_t reused_tasks(base::Env& env, const Job& job);

/// In which components of that two jobs differ, as clauses: "global 'alpha' has another value".
std::vector<std::string> differences(const bundle::Manifest& then, const bundle::Manifest& now);

}  // namespace jobhost::host
