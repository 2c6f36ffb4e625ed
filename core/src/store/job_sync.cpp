#include "store/job_sync.hpp"

#include <fcntl.h>

namespace jobhost::store {
namespace {

void sync_files_in(base::Env& env, const std::string& folder) {
  for (const auto& name : base::names_in(env, folder))
    base::File(env, folder + "/" + name, O_RDONLY | O_NOFOLLOW).sync();
  base::sync_directory(env, folder);
}

}  // namespace

void sync_code_and_inputs(base::Env& env, const JobDirectory& job) {
  sync_files_in(env, job.blobs());
  sync_files_in(env, job.inputs());
  base::sync_directory(env, job.path());  // the names of the folders, which MANIFEST relies on
}

void sync_manifest(base::Env& env, const JobDirectory& job) {
  base::File(env, job.manifest(), O_RDONLY | O_NOFOLLOW).sync();
  base::sync_directory(env, job.path());
  const std::string store = job.path().substr(0, job.path().rfind('/'));
  base::sync_directory(env, store.empty() ? "/" : store);
}

LogSync::LogSync(base::Env& env, JobDirectory job, std::string worker_id)
    : env_(env), job_(std::move(job)), worker_id_(std::move(worker_id)) {}

void LogSync::run() {
  const std::string folder = job_.logs() + "/" + worker_id_.substr(0, 2);
  const bool first = logs_.empty();
  bool fresh = false;
  for (const auto& name : base::names_in(env_, folder)) {
    if (!name.starts_with(worker_id_)) continue;
    auto log = logs_.find(name);
    if (log == logs_.end()) {
      log = logs_.emplace(name, Log{base::File(env_, folder + "/" + name, O_RDONLY | O_NOFOLLOW)}).first;
      fresh = true;
    }
    const std::uint64_t size = log->second.file.size();
    if (size == log->second.durable) continue;
    log->second.file.sync();
    log->second.durable = size;
  }
  if (!fresh) return;
  base::sync_directory(env_, folder);
  if (first) base::sync_directory(env_, job_.logs());
}

}  // namespace jobhost::store
