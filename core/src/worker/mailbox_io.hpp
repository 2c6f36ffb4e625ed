#pragma once

#include <unordered_map>

#include "store/mailbox.hpp"
#include "store/result_arena.hpp"
#include "store/shared_file.hpp"
#include "worker/control.hpp"
#include "worker/loader.hpp"
#include "worker/task_io.hpp"

namespace jobhost::worker {

/// Tasks of an open job: those of a request in the mailbox, to an entry of its own.
class MailboxIo : public TaskIo {
 public:
  /// Mailbox and program outlive it.
  /// `inputs`: the job's folder of that name. `own`: the queue of a lane that posts do not concern, else null.
  MailboxIo(base::Env& env, store::Mailbox& mailbox, std::string inputs, unsigned lane, const LoadedPlugin& program,
            StackSource stacks, Queue* own)
      : env_(env),
        mailbox_(mailbox),
        own_(own),
        inputs_(std::move(inputs)),
        arena_(mailbox, lane),
        program_(program),
        stacks_(std::move(stacks)) {}

  std::uint64_t available() override {
    mailbox_.prefetch(slot_);  // the host uses the slot again that it used last
    return mailbox_.posted();
  }
  void read(std::uint64_t first, std::uint64_t n, Batch& batch) override;
  void make_room(Batch& batch, std::uint64_t wanted, std::uint64_t kept) override;
  void commit(const Batch& batch, std::uint64_t completed) override;
  void before_look() override { seen_ = own_ ? own_->wake.load() : mailbox_.posts(); }
  void wait() override;
  std::vector<store::StackEntry> last_throw() override { return stacks_.last_throw(); }

 private:
  jobhost_column column_of(const store::RequestColumn& column, std::size_t number, std::uint64_t n);
  void commit_results(const Batch& batch, std::uint64_t completed, store::Place* places);

  const unsigned char* file(const store::RequestColumn& column);

  base::Env& env_;
  store::Mailbox& mailbox_;
  Queue* own_;
  std::string inputs_;
  store::ResultArena arena_;
  const LoadedPlugin& program_;
  StackSource stacks_;
  std::unordered_map<std::uint64_t, jobhost_entry> entries_;  // by offset
  std::uint32_t seen_ = 0;                                    // posts, or publications

  // Of the batch: its request, and the place of its first task in it.
  unsigned slot_ = 0;
  store::Mailbox::View request_;
  std::uint64_t index_ = 0;
  bool in_arena_ = false, cancelled_ = false;
  base::Bytes results_;              // of a small fixed size, before they are committed
  std::vector<base::Bytes> ranges_;  // values of ranges, by column
  std::vector<store::TaskState> states_;

  struct MappedFile {
    std::uint64_t number, used;  // in which batch last
    store::SharedFileMapping mapping;
  };
  std::vector<MappedFile> files_;  // few: those used longest ago make room
  std::uint64_t batches_ = 0;
};

}  // namespace jobhost::worker
