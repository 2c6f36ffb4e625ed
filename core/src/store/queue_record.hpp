#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/job_directory.hpp"

namespace jobhost::store {

/// Through which queueing system workers were submitted, in host/queue: whoever cancels or resumes the job asks it.
struct QueueRecord {
  std::string backend;
  std::vector<std::string> options;  // as in the manifest
  std::vector<std::string> ids;      // that the system gave to submissions, where it is asked by them
  friend bool operator==(const QueueRecord&, const QueueRecord&) = default;
};

/// Nothing when no worker was ever submitted. Throws Error(kDamaged).
std::optional<QueueRecord> read_queue_record(base::Env& env, const JobDirectory& job);
void write_queue_record(base::Env& env, const JobDirectory& job, const QueueRecord& record);

}  // namespace jobhost::store
