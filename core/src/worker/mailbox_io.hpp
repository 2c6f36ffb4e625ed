#pragma once

#include <unordered_map>

#include "store/mailbox.hpp"
#include "worker/loader.hpp"
#include "worker/task_io.hpp"

namespace jobhost::worker {

/// Tasks of an open job: each a request in the mailbox, to an entry of its own.
class MailboxIo : public TaskIo {
 public:
  /// Mailbox and program outlive it.
  MailboxIo(store::Mailbox& mailbox, const LoadedPlugin& program, StackSource stacks)
      : mailbox_(mailbox), reader_(mailbox), program_(program), stacks_(std::move(stacks)) {}

  std::uint64_t available() override { return mailbox_.posted(); }
  std::uint64_t most() const override { return 1; }
  void read(std::uint64_t first, std::uint64_t n, Batch& batch) override;
  void commit(const Batch& batch, std::uint64_t completed) override;
  void before_look() override { posts_ = mailbox_.posts(); }
  void wait() override;
  std::vector<store::StackEntry> last_throw() override { return stacks_.last_throw(); }

 private:
  store::Mailbox& mailbox_;
  store::Mailbox::Reader reader_;
  const LoadedPlugin& program_;
  StackSource stacks_;
  std::unordered_map<std::uint64_t, jobhost_entry> entries_;  // by offset
  std::uint32_t posts_ = 0;
};

}  // namespace jobhost::worker
