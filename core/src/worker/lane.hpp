#pragma once

#include <memory>

#include "bundle/manifest.hpp"
#include "worker/control.hpp"
#include "worker/memory_limit.hpp"
#include "worker/print_watch.hpp"
#include "worker/task_io.hpp"

namespace jobhost::worker {

/// Takes ranges from the queue, runs them in sub-batches of about a millisecond, and hands on what came out. One per
/// thread; the control memory and what it is given outlive it.
class LaneRunner {
 public:
  /// `prints` is null where output cannot be told apart by tasks.
  LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
             std::unique_ptr<TaskIo> io, PrintWatch* prints);
  ~LaneRunner();

  /// Runs until the supervisor says stop. Returns false when results could not be written (the lane says why).
  bool run();

 private:
  static int grow(jobhost_sink* sink, std::uint64_t wanted);
  static void failed(jobhost_sink* sink, std::uint64_t i, const jobhost_exception* thrown);

  bool stopping() const { return control_.stop.load(std::memory_order_relaxed) != 0; }
  std::uint64_t wanted(std::uint64_t remaining) const;
  void run_range(const Taken& taken);
  std::uint64_t run_batch(std::uint64_t first, std::uint64_t n, std::uint64_t span);

  base::Env& env_;
  Control& control_;
  Lane& lane_;
  Queue& queue_;
  std::uint64_t chunk_, memory_per_task_;
  std::unique_ptr<TaskIo> io_;
  PrintWatch* prints_;
  MemoryLimit memory_;

  Batch batch_;
  double ns_per_task_ = 0;
  std::uint64_t last_count_ = 0;
  bool printing_ = false;  // the last batch did: tasks run one by one, to tell their output apart
};

}  // namespace jobhost::worker
