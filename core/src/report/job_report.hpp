#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/nodes.hpp"
#include "report/diagnosis.hpp"
#include "report/durations.hpp"
#include "report/failure_groups.hpp"
#include "report/grid_maps.hpp"
#include "report/reduction.hpp"
#include "report/task_sample.hpp"
#include "report/timeline.hpp"

namespace jobhost::report {

/// All that a report shows of a job's tasks, in memory that does not grow with their number. docs/report.md describes
/// the document that is made of it.
struct JobReport {
  Figures figures;
  std::vector<std::string> sentences;
  FailureGroups failures;
  Timeline timeline;
  Durations durations;
  Cells cells;                                // of a result
  std::optional<ResultReduction> statistics;  // of numeric cells, over all tasks that succeeded
  GridMaps maps;                              // of numeric cells, then of seconds
  TaskSample sample;

  JobReport(base::Env& env, const host::Job& job, const host::ResultStream& stream,
            const std::vector<host::Node>& nodes);
  JobReport(const JobReport&) = delete;
  JobReport& operator=(const JobReport&) = delete;
};

/// Reads all results once. `stream` has read the logs and yielded nothing; `works`: somebody is at work on the job.
std::unique_ptr<JobReport> make_report(base::Env& env, const host::Job& job, host::ResultStream& stream,
                                       const std::vector<host::Node>& nodes, bool works);

}  // namespace jobhost::report
