#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "store/job_sync.hpp"

namespace jobhost::worker {

/// Makes a job and the results of one worker durable now and then, on a thread of its own: fsync may take long.
class BackgroundSync {
 public:
  BackgroundSync(base::Env& env, store::JobDirectory job, const std::string& worker_id,
                 std::chrono::nanoseconds period);
  /// Does not sync once more.
  ~BackgroundSync();
  /// Throws what a sync that failed threw. There is no further one after it.
  void throw_failure();
  /// Ends the thread. All that was committed before the call is durable when it returns; throws as throw_failure().
  void finish();

 private:
  void run();
  void stop();
  void sync_all();

  base::Env& env_;
  store::JobDirectory job_;
  store::LogSync logs_;
  std::chrono::nanoseconds period_;
  bool job_synced_ = false;
  std::mutex mutex_;  // of the two below
  std::optional<base::Error> failure_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace jobhost::worker
