#pragma once

#include "store/mailbox.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

/// An open job's one claim: whatever the host will post. The job ends with its host.
class MailboxSource : public WorkSource {
 public:
  explicit MailboxSource(const store::Mailbox& mailbox) : mailbox_(mailbox) {}

  std::optional<Work> next() override {
    if (std::exchange(given_, true)) return std::nullopt;
    refresh();
    const store::Interval all{0, store::kOpenEnd};
    return Work{0, all, done().missing(all), ""};
  }
  void refresh() override {
    std::uint64_t from = 0;
    const std::uint64_t posted = mailbox_.posted();  // read first: what is posted from now on may be seen in part
    for (const std::uint64_t task : mailbox_.unanswered()) {
      if (task >= posted) break;
      if (from < task) note_done({from, task});
      from = task + 1;
    }
    if (from < posted) note_done({from, posted});
  }
  std::uint64_t failed_within(store::Interval) const override { return 0; }
  void claim_finished(std::uint64_t, std::uint64_t, std::uint64_t) override {}
  bool everything_done() const override { return false; }
  std::optional<std::pair<std::uint64_t, std::uint64_t>> totals() const override { return std::nullopt; }

 private:
  const store::Mailbox& mailbox_;
  bool given_ = false;
};

}  // namespace jobhost::worker
