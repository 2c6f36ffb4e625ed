#pragma once

#include <map>
#include <string>

#include "base/file.hpp"
#include "store/job_directory.hpp"

/// What makes a job survive a power cut: fsync of files and of the directories that name them. A failed fsync is never
/// tried again, because the kernel may have dropped what it could not write, and says so only once:
/// Error(kBackendFailed) then means that nobody knows what is on the disk.
namespace jobhost::store {

/// Code and inputs, before MANIFEST says that they are there.
void sync_code_and_inputs(base::Env& env, const JobDirectory& job);

/// MANIFEST and the job's name in the store.
void sync_manifest(base::Env& env, const JobDirectory& job);

/// The results of one worker, whoever of its processes wrote them. Not for several threads at once.
class LogSync {
 public:
  LogSync(base::Env& env, JobDirectory job, std::string worker_id);
  /// When it returns, all that the worker had committed when it was called is durable.
  void run();

 private:
  struct Log {
    base::File file;
    std::uint64_t durable = 0;  // bytes
  };
  base::Env& env_;
  JobDirectory job_;
  std::string worker_id_;
  std::map<std::string, Log> logs_;  // by name
};

}  // namespace jobhost::store
