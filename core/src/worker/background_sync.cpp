#include "worker/background_sync.hpp"

namespace jobhost::worker {

BackgroundSync::BackgroundSync(base::Env& env, store::JobDirectory job, const std::string& worker_id,
                               std::chrono::nanoseconds period)
    : env_(env), job_(job), logs_(env, std::move(job), worker_id), period_(period), thread_([this] { run(); }) {}

BackgroundSync::~BackgroundSync() { stop(); }

void BackgroundSync::sync_all() {
  if (!job_synced_) {
    store::sync_code_and_inputs(env_, job_);
    store::sync_manifest(env_, job_);
    job_synced_ = true;
  }
  logs_.run();
}

void BackgroundSync::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (wake_.wait_for(lock, period_, [this] { return stopping_; })) return;
    lock.unlock();
    std::optional<base::Error> failure;
    try {
      sync_all();
    } catch (const base::Error& error) {
      failure = error;
    }
    lock.lock();
    if (!failure) continue;
    failure_ = std::move(failure);
    return;
  }
}

void BackgroundSync::throw_failure() {
  const std::lock_guard lock(mutex_);
  if (failure_) throw *failure_;
}

void BackgroundSync::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundSync::finish() {
  stop();
  throw_failure();
  sync_all();
}

}  // namespace jobhost::worker
