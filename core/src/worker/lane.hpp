#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bundle/manifest.hpp"
#include "context/floating_point.hpp"
#include "store/notes.hpp"
#include "worker/control.hpp"
#include "worker/memory_limit.hpp"
#include "worker/print_watch.hpp"
#include "worker/task_io.hpp"

namespace jobhost::worker {

/// What a lane does with the calling context around tasks.
struct LaneContext {
  context::FloatingPoint floating;              // tasks begin with it
  std::function<void()> before_task = nullptr;  // restores what each task is to find anew
  std::function<void()> after_batch = nullptr;  // checks what is too slow to be checked more often
  std::function<void(const store::Note&)> tell = nullptr;
};

/// Takes ranges from the queue, or what other lanes have taken and not begun, runs them in batches of about a
/// millisecond, and hands on what came out. A batch is one call of the entry, or several where chunks are smaller. One
/// per thread; the control memory and what it is given outlive it.
class LaneRunner {
 public:
  /// `prints` is null where output cannot be told apart by tasks.
  LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
             std::unique_ptr<TaskIo> io, PrintWatch* prints, LaneContext context = {});
  ~LaneRunner();

  /// Runs until the supervisor says stop; a lane for suspects ends after one, since each gets a process of its own.
  /// Returns false when results could not be written (the lane says why).
  bool run();

 private:
  static int grow(jobhost_sink* sink, std::uint64_t wanted);
  static void failed(jobhost_sink* sink, std::uint64_t i, const jobhost_exception* thrown);

  bool stopping() const { return control_.stop.load(std::memory_order_relaxed) != 0; }
  std::optional<Taken> take_some(std::uint64_t& hint);
  std::uint64_t fitting() const;
  void run_taken(std::uint64_t span);
  void run_batch(std::uint64_t span);
  std::uint64_t run_again_one_by_one(std::uint64_t count, jobhost_sink& sink);
  std::uint64_t call_alone(std::uint64_t done, jobhost_sink& sink);
  jobhost_sink prepare_sink();
  std::uint64_t call(std::uint64_t done, std::uint64_t n, jobhost_sink& sink);

  base::Env& env_;
  Control& control_;
  Lane& lane_;
  Queue& queue_;
  const bool shares_memory_;  // and its limit with other lanes
  std::span<Lane> peers_;     // lanes of the same queue
  std::uint64_t chunk_, memory_per_task_;
  std::unique_ptr<TaskIo> io_;
  PrintWatch* prints_;
  MemoryLimit memory_;
  LaneContext context_;

  Batch batch_;
  store::Interval begun_;                // taken from the reserve, not run yet
  std::uint64_t offset_ = 0;             // of the call that runs, within the batch
  std::uint64_t calls_ = 0;              // so far
  std::vector<jobhost_column> columns_;  // of a call
  jobhost_entry entry_ = nullptr;        // of the batch before
  double ns_per_task_ = 0;
  std::uint64_t last_count_ = 0;
  bool practised_ = false;  // to throw
  bool printing_ = false;   // the last batch did: tasks run one by one, to tell their output apart
  bool usual_arithmetic_;   // the context's is the one that lanes compute with between batches
  bool spoiled_ = false;    // tasks touched what ends are written to
  bool one_by_one_;         // each task in a call of its own, with the context restored before it
  bool told_ = false;       // that a task changed floating-point arithmetic
  std::uint64_t next_check_ns_ = 0;
};

}  // namespace jobhost::worker
