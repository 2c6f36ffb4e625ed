#pragma once

#include <memory>
#include <string>

#include "bundle/input_reader.hpp"
#include "bundle/manifest.hpp"
#include "store/doorbell.hpp"
#include "store/log_writer.hpp"
#include "worker/control.hpp"
#include "worker/task_io.hpp"

namespace jobhost::worker {

/// Tasks of a job directory: made from the recipe in MANIFEST, committed to a log of the lane's own.
class JobIo : public TaskIo {
 public:
  /// `log_path` is created for the first batch. Everything given by reference outlives it; `doorbell` may be null.
  JobIo(base::Env& env, Control& control, Queue& queue, const bundle::Manifest& manifest, const Plan& plan,
        std::string log_path, std::uint32_t lane_number, jobhost_entry entry, store::Doorbell* doorbell,
        StackSource stacks);

  void read(std::uint64_t first, std::uint64_t n, Batch& batch) override;
  void make_room(Batch& batch, std::uint64_t wanted, std::uint64_t kept) override;
  bool intact() override;
  void commit(const Batch& batch, std::uint64_t completed) override;
  void before_look() override { wake_ = queue_.wake.load(std::memory_order_acquire); }
  void wait() override;
  std::vector<store::StackEntry> last_throw() override { return stacks_.last_throw(); }

 private:
  void commit_results(const Batch& batch, std::uint64_t from, std::uint64_t to, std::uint64_t nanoseconds);
  void commit_failure(const Batch& batch, std::uint64_t task, const store::Failure& failure, std::uint64_t nanoseconds);
  store::LogWriter& log();

  base::Env& env_;
  Control& control_;
  Queue& queue_;
  const Plan& plan_;
  std::string log_path_;
  std::uint32_t lane_number_;
  jobhost_entry entry_;
  store::Doorbell* doorbell_;
  StackSource stacks_;
  bundle::InputReader inputs_;
  std::optional<std::uint64_t> result_size_;
  bool durable_;  // what is committed survives a power cut
  base::Bytes results_;
  std::unique_ptr<store::LogWriter> log_;
  base::File witness_;  // is closed, too, where a task of another lane closed the log before it was whole
  std::uint64_t witness_inode_ = 0;
  std::size_t modules_written_ = 0;
  std::uint32_t wake_ = 0;
};

}  // namespace jobhost::worker
