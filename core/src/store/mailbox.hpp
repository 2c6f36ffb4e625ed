#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "jobhost/sdk/abi.h"
#include "store/failure.hpp"

/// Memory that the host of an open job shares with its worker on the same machine: requests go in, one task each, and
/// replies come out. It takes the place of inputs and logs there, and vanishes with its last process.
namespace jobhost::store {

inline constexpr std::uint64_t kOpenEnd = std::uint64_t{1} << 47;  // an open job's tasks are numbered below this

/// A task as the host posts it: an entry of the program and its columns.
struct Request {
  std::uint64_t entry = 0;                   // offset in the module
  std::optional<std::uint64_t> result_size;  // bytes; nothing: varies
  struct Column {
    base::ByteView value;                // empty when it is in a region
    std::uint64_t region = 0, size = 0;  // place and size of a shared value; 0: none
  };
  std::vector<Column> columns;
};

enum class SlotState : std::uint32_t { kFree, kPosted, kOk, kFailed };

/// The one host makes it, and posts and reads from any thread, a slot at a time; executors inherit the descriptor. Task
/// n is in slot n % kSlots, from when it is posted until its reply was read.
class Mailbox {
 public:
  static constexpr std::uint64_t kSlots = 256;

  Mailbox();
  /// Maps what another process made.
  explicit Mailbox(int fd);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox();
  int fd() const { return fd_; }

  // The host's side.
  /// Tasks are posted in order. The slot must be free.
  void post(std::uint64_t task, const Request& request);
  /// kPosted until the reply is there; kFree for a task that is not in its slot.
  SlotState state(std::uint64_t task) const;
  /// The reply of a task whose state is kOk (its result) or kFailed (see read_failure).
  void read_reply(std::uint64_t task, std::string& reply) const;
  /// Makes room for the next task. Only when it is not kPosted.
  void free(std::uint64_t task);
  /// Has a task that no lane has begun answered without being run.
  void cancel(std::uint64_t task);
  /// Keeps a value for many requests; returns its region. Throws Error(kBackendFailed) when memory is short.
  std::uint64_t share(base::ByteView value);
  void unshare(std::uint64_t region, std::uint64_t size);
  /// Counts replies; read before looking for one, then given to wait_reply.
  std::uint32_t replies() const;
  void wait_reply(std::uint32_t seen, std::uint64_t timeout_ns);

  // The executors' side.
  std::uint64_t posted() const;  // tasks so far
  /// False when it was cancelled, or has a reply already.
  bool wanted(std::uint64_t task) const;
  class Reader;
  /// Ends a task; `state` is kOk with its result or kFailed with a failure_reply.
  void reply(std::uint64_t task, SlotState state, base::ByteView reply);
  /// Counts posts and other reasons to look; read before looking for a task, then given to wait_task.
  std::uint32_t posts() const;
  /// Spins a little, one lane at a time, before it sleeps.
  void wait_task(std::uint32_t seen, std::uint64_t timeout_ns);
  /// For a lane that took a task and sees more.
  void wake_another_lane();

  // The supervisor's side.
  /// Tasks that were posted and have no reply yet, ascending.
  std::vector<std::uint64_t> unanswered() const;
  void wake_lanes();
  /// A lane that died while it spun would keep others from being woken.
  void forget_dead_lanes();

 private:
  struct Slot;
  struct Page;
  void map();
  Slot& slot(std::uint64_t task) const;
  void put(std::uint64_t offset, base::ByteView bytes);
  void punch(std::uint64_t offset, std::uint64_t size);

  Page* page_ = nullptr;
  int fd_ = -1;
  std::atomic<std::uint64_t> next_region_;
};

/// Reads requests for one lane.
class Mailbox::Reader {
 public:
  explicit Reader(const Mailbox& mailbox) : mailbox_(mailbox) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  struct Task {
    std::uint64_t entry;
    std::optional<std::uint64_t> result_size;
  };
  /// Columns of one task, stride 0. They stay valid until the next call. Throws Error(kDamaged) for what cannot be.
  Task read(std::uint64_t task, std::vector<jobhost_column>& columns);

 private:
  struct Mapping {
    std::uint64_t offset = 0, size = 0, used = 0;
    const unsigned char* data = nullptr;
  };
  Mapping map(std::uint64_t offset, std::uint64_t size) const;
  const unsigned char* region(std::uint64_t offset, std::uint64_t size);

  const Mailbox& mailbox_;
  Mapping large_;                 // request beyond its slot
  std::vector<Mapping> regions_;  // few: the one used longest ago makes room
  std::uint64_t requests_ = 0;
};

/// A failure as a reply: what happened, and the files that its stack refers to.
base::Bytes failure_reply(const Failure& failure, const std::vector<std::string>& modules);
std::pair<Failure, std::vector<std::string>> read_failure(base::ByteView reply);

}  // namespace jobhost::store
