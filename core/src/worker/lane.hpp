#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bundle/input_reader.hpp"
#include "bundle/manifest.hpp"
#include "store/doorbell.hpp"
#include "store/log_writer.hpp"
#include "worker/control.hpp"
#include "worker/memory_limit.hpp"
#include "worker/print_watch.hpp"

namespace jobhost::worker {

/// Where the task now running threw, as seen from inside its process. Thread-local behind the functions.
struct StackSource {
  /// Stack of the last throw of this thread, innermost first.
  std::function<std::vector<store::StackEntry>()> last_throw;
  /// Loaded files that stack entries refer to, by index.
  std::function<std::vector<std::string>()> modules;
};

/// Takes ranges from the queue, runs them in sub-batches of about a millisecond, and appends what came out to its own
/// log. One per thread; the control memory, doorbell and plan outlive it.
class LaneRunner {
 public:
  /// `log_path` is created on the first result. `prints` is null where output cannot be told apart by tasks.
  LaneRunner(base::Env& env, Control& control, Lane& lane, Queue& queue, const bundle::Manifest& manifest,
             const Plan& plan, std::string log_path, std::uint32_t lane_number, jobhost_entry entry,
             store::Doorbell* doorbell, StackSource stacks, PrintWatch* prints);
  ~LaneRunner();

  /// Runs until the supervisor says stop. Returns false when the log could not be written (the lane says why).
  bool run();

 private:
  struct Failed {
    std::uint64_t index;  // within the batch
    store::Failure failure;
  };
  static int grow(jobhost_sink* sink, std::uint64_t wanted);
  static void failed(jobhost_sink* sink, std::uint64_t i, const jobhost_exception* thrown);

  bool stopping() const { return control_.stop.load(std::memory_order_relaxed) != 0; }
  std::uint64_t wanted(std::uint64_t remaining) const;
  void run_range(const Taken& taken);
  std::uint64_t run_batch(std::uint64_t first, std::uint64_t n, std::uint64_t span);
  void commit(std::uint64_t first, std::uint64_t n, std::uint64_t nanoseconds, std::uint64_t started);
  void commit_results(std::uint64_t first, std::uint64_t from, std::uint64_t to, std::uint64_t nanoseconds,
                      std::uint64_t started);
  void commit_failure(std::uint64_t task, const store::Failure& failure, std::uint64_t nanoseconds,
                      std::uint64_t started);
  store::LogWriter& log();

  base::Env& env_;
  Control& control_;
  Lane& lane_;
  Queue& queue_;
  const bundle::Manifest& manifest_;
  const Plan& plan_;
  std::string log_path_;
  std::uint32_t lane_number_;
  jobhost_entry entry_;
  store::Doorbell* doorbell_;
  StackSource stacks_;
  PrintWatch* prints_;
  MemoryLimit memory_;

  bundle::InputReader inputs_;
  std::optional<std::uint64_t> result_size_;
  std::vector<jobhost_column> columns_;
  base::Bytes results_;
  std::vector<std::uint64_t> ends_;
  std::vector<Failed> failures_;
  std::unique_ptr<store::LogWriter> log_;
  std::size_t modules_written_ = 0;
  double ns_per_task_ = 0;
  std::uint64_t last_count_ = 0;
  bool printing_ = false;  // the last batch did: tasks run one by one, to tell their output apart
};

}  // namespace jobhost::worker
