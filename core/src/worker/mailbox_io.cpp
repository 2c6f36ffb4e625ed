#include "worker/mailbox_io.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kIdleWaitNs = 200'000'000;

/// For a task that nobody waits for any more.
std::uint64_t do_nothing(const jobhost_column*, std::uint64_t n, jobhost_sink*, jobhost_progress*) { return n; }

}  // namespace

void MailboxIo::read(std::uint64_t first, std::uint64_t, Batch& batch) {
  if (mailbox_.posted() > first + 1) mailbox_.wake_another_lane();
  batch.first = first;
  batch.count = 1;
  if (!mailbox_.wanted(first)) {
    batch.entry = &do_nothing;
    batch.result_size = 0;
    return;
  }
  const auto task = reader_.read(first, batch.columns);
  jobhost_entry& entry = entries_[task.entry];
  if (!entry) entry = program_.entry_at(task.entry);
  batch.entry = entry;
  batch.result_size = task.result_size;
}

void MailboxIo::commit(const Batch& batch, std::uint64_t completed) {
  if (completed == 0 || mailbox_.state(batch.first) != store::SlotState::kPosted) return;
  if (!batch.failures.empty()) {
    mailbox_.reply(batch.first, store::SlotState::kFailed,
                   store::failure_reply(batch.failures[0].failure, stacks_.modules()));
    return;
  }
  const std::uint64_t size = batch.result_size ? *batch.result_size : batch.ends[0];
  mailbox_.reply(batch.first, store::SlotState::kOk, base::ByteView(batch.results).first(size));
}

void MailboxIo::wait() { mailbox_.wait_task(posts_, kIdleWaitNs); }

}  // namespace jobhost::worker
