#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/failure.hpp"
#include "base/env.hpp"
#include "host/workers.hpp"
#include "jobhost/detail/runtime.hpp"
#include "jobhost/options.hpp"
#include "store/mailbox.hpp"

namespace jobhost::api {

/// A call whose constant columns are in the mailbox or here.
struct PreparedCall {
  detail::Call call;
  std::uint64_t entry = 0;                           // offset in the module
  std::vector<store::Request::Column> columns = {};  // those that are the same for all tasks; others empty
};

/// Tasks that were posted together, until their results were read. Guarded by the pool, but for what a reader that
/// pinned them reads.
struct Posted {
  std::shared_ptr<const PreparedCall> call;
  store::Mailbox::View request;
  unsigned slot = store::Mailbox::kSlots;  // kSlots: moved out of the mailbox
  const unsigned char* body = nullptr;     // request.body in this process
  bool pinned = false;                     // being read: it stays where it is
  bool all_ended = false;                  // as far as was looked
  std::vector<unsigned char> moved_body;
  std::vector<store::RequestColumn> moved_columns;

  store::TaskState state(std::uint64_t index) const {
    const auto* states = reinterpret_cast<const std::atomic<store::TaskState>*>(body + (request.states - request.body));
    return states[index].load(std::memory_order_acquire);
  }
  const unsigned char* results() const { return body + (request.results - request.body); }
  const store::Place& place(std::uint64_t index) const {
    return reinterpret_cast<const store::Place*>(body + (request.places - request.body))[index];
  }
};

/// Warm workers of this machine for an open job, and the requests that were posted to them.
class LocalPool : public detail::TaskPool, public std::enable_shared_from_this<LocalPool> {
 public:
  /// `job` is open and temporary.
  LocalPool(base::Env& env, std::shared_ptr<store::Mailbox> mailbox, std::unique_ptr<host::HeadStart> workers,
            host::Job job, const std::string& globals, Options options);
  ~LocalPool() override;

  std::shared_ptr<detail::SharedValue> share(const detail::Value& value) override;
  std::unique_ptr<detail::PoolTask> post(detail::Call call) override;
  std::size_t wait_any(std::span<detail::PoolTask* const> tasks, std::uint64_t nanoseconds) override;
  std::unique_ptr<detail::Job> map(detail::Call call, std::unique_ptr<detail::Feed> feed,
                                   std::optional<std::uint64_t> tasks, bool in_order, std::stop_token stop) override;

  // For its tasks and maps.
  std::shared_ptr<const PreparedCall> prepare(detail::Call call);
  /// Tasks numbered on from those before. `columns`: all of them; a range that counts tasks is given its first value.
  std::shared_ptr<Posted> post(std::shared_ptr<const PreparedCall> call, std::vector<store::Request::Column>& columns,
                               std::uint64_t count);
  bool ready(const Posted& posted);
  void pin(Posted& posted);
  /// Pins it when more than `given` of its tasks ended; true then.
  bool pin_if_more(Posted& posted, std::uint64_t given);
  /// Nobody will look at it again; what was not begun will not be.
  void release(const std::shared_ptr<Posted>& posted);
  detail::Failure failure_of(const Posted& posted, std::uint64_t index);
  std::uint64_t ended(Posted& posted);  // tasks that have their reply
  const store::Mailbox& mailbox() const { return *mailbox_; }
  std::uint32_t replies() const { return mailbox_->replies(); }
  /// Until there are more replies than `seen`, or for some time, at most 50 ms.
  void wait(std::uint32_t seen, std::uint64_t nanoseconds = UINT64_MAX);
  unsigned lanes() const { return job_.manifest.workers; }

 private:
  unsigned free_slot(std::unique_lock<std::mutex>& lock);
  std::uint64_t ended_of(Posted& posted) const;
  void let_go(Posted& posted);
  void move_out(Posted& posted);
  void look_after_workers(std::uint32_t seen);
  std::vector<jobhost_column> columns_of(const Posted& posted, std::uint64_t index,
                                         std::vector<std::uint64_t>& numbers);

  base::Env& env_;
  host::Job job_;
  Options options_;
  std::shared_ptr<JobCode> code_;
  std::shared_ptr<store::Mailbox> mailbox_;
  std::shared_ptr<detail::SharedValue> globals_;
  std::unique_ptr<host::Workers> workers_;

  std::mutex mutex_;  // all below, and the host's side of the mailbox
  std::uint64_t next_ = 0;
  std::vector<unsigned> free_slots_;  // the one used last at the end: its memory is warm
  std::array<std::shared_ptr<Posted>, store::Mailbox::kSlots> in_slots_;
  std::vector<std::shared_ptr<Posted>> given_up_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const std::vector<std::string>>> modules_;  // by place
  std::uint64_t last_look_ = 0;
};

/// A pool in a temporary directory beneath `folder`. Throws as TaskPool does.
std::shared_ptr<LocalPool> make_local_pool(base::Env& env, const std::string& folder, const std::string& globals,
                                           const Options& options);

}  // namespace jobhost::api
