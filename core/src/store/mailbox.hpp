#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "store/sparse_memory.hpp"

/// Memory that the host of an open job shares with its worker on the same machine: requests go in, replies come out. It
/// takes the place of inputs and logs there, and vanishes with its last process.
namespace jobhost::store {

inline constexpr std::uint64_t kOpenEnd = std::uint64_t{1} << 47;  // an open job's tasks are numbered below this

/// Values of one parameter for the tasks of a request.
struct RequestColumn {
  enum class Kind : std::uint32_t {
    kConstant,  // `size` bytes at `data`, for every task
    kFixed,     // values of `width` bytes side by side
    kVarying,   // count + 1 offsets (u64, the first 0), then the values
    kRange,     // whole numbers of `width` bytes: `data`, `data` + 1, ...
    kFile,      // a constant in the shared file of number `data`, in `width` stripes (shared_file.hpp)
  };
  Kind kind = Kind::kConstant;
  std::uint32_t width = 0;
  std::uint64_t data = 0;  // place in the memory, or a number
  std::uint64_t size = 0;  // bytes
};

/// Tasks [first, first+count) as the host posts them: one entry of the program, and its columns.
struct Request {
  std::uint64_t entry = 0;                   // offset in the module
  std::optional<std::uint64_t> result_size;  // bytes; nothing: varies
  std::uint64_t first = 0, count = 1;
  struct Column {
    RequestColumn column;  // `data` is filled in where `bytes` are given
    base::ByteView bytes = {};
  };
  std::span<const Column> columns;
};

enum class TaskState : std::uint8_t { kPosted, kOk, kFailed };
/// How many of a request's tasks have ended. Seen from their states, which alone are the truth: a lane may be killed
/// while it writes them.
std::uint64_t count_ended(const unsigned char* states, std::uint64_t count);

/// Where a reply is that is not in its request: in a block of a lane's arena.
struct Place {
  static constexpr std::uint32_t kNowhere = UINT32_MAX;  // in place of a block
  std::uint64_t offset = 0, size = 0;
  std::uint32_t lane = 0, block = kNowhere;
};

/// A block of results that a lane writes one after another; it is used again once nobody refers to any of them.
struct ArenaBlock {
  std::uint64_t offset, size;  // in the memory; set once
  std::atomic<std::uint64_t> live;
};

/// The one host makes it; executors inherit the descriptor. The host's functions are for one thread at a time, except
/// where said. A request is in a slot from when it is posted until it is freed.
class Mailbox {
 public:
  static constexpr unsigned kSlots = 256;
  static constexpr std::uint64_t kMostTasks = 4096;  // in a request
  static constexpr std::uint64_t kRoom = 256 << 10;  // bytes of a request that need no place of their own
  static constexpr std::uint64_t kInRequest = 1024;  // larger results are in arenas
  static constexpr unsigned kArenas = 1026;          // a lane's, the solo lane's, the supervisor's
  static constexpr std::uint32_t kBlocks = 2048;     // of an arena

  Mailbox();
  /// Maps what another process made.
  explicit Mailbox(int fd);
  int fd() const { return memory_.fd(); }
  const SparseMemory& memory() const { return memory_; }

  /// A request in its slot, as both sides see it.
  struct View {
    std::uint64_t entry = 0, result_size = 0, first = 0, count = 0;
    bool by_place = false;  // results are in arenas
    std::span<const RequestColumn> columns;
    std::uint64_t body = 0, body_size = 0;  // place of columns, states, results and places in the memory
    std::uint64_t states = 0, results = 0, places = 0;
  };
  View view(unsigned slot) const;

  // The host's side.
  /// Tasks are posted in order, to a slot that is free.
  void post(unsigned slot, const Request& request);
  /// Has tasks that no lane has begun answered without being run. Any thread.
  void cancel(unsigned slot);
  /// Every task must have its reply.
  void free(unsigned slot);
  ArenaBlock& block(const Place& place) const { return arena(place.lane)[place.block]; }
  /// Keeps a value for many requests; returns its place. Throws Error(kBackendFailed) when memory is short. Any thread,
  /// like unshare.
  std::uint64_t share(std::uint64_t size);
  void unshare(std::uint64_t place, std::uint64_t size);
  /// Counts replies; read before looking for one, then given to wait_reply. Any thread. Waiting spins a little before
  /// it sleeps, as long as that is of use.
  std::uint32_t replies() const;
  void wait_reply(std::uint32_t seen, std::uint64_t timeout_ns);

  // The executors' side.
  std::uint64_t posted() const;  // tasks so far
  /// The slot of a task that has no reply; `hint` is where to look first. Throws Error(kDamaged) when there is none.
  unsigned find(std::uint64_t task, unsigned hint) const;
  bool cancelled(unsigned slot) const;
  /// Has a slot's first lines fetched all at once, before they are read one after another.
  void prefetch(unsigned slot) const;
  TaskState state(const View& view, std::uint64_t index) const;
  /// Tells the host that tasks [index, index+count) of a request ended. What they left must be written before.
  void answer(unsigned slot, std::uint64_t index, std::span<const TaskState> states);
  ArenaBlock* arena(unsigned lane) const;
  /// Counts posts and other reasons to look; read before looking for a task, then given to wait_task.
  std::uint32_t posts() const;
  /// Spins a little, one lane at a time, before it sleeps.
  void wait_task(std::uint32_t seen, std::uint64_t timeout_ns);
  /// For a lane that took tasks and sees more.
  void wake_another_lane();

  // The supervisor's side.
  /// The task's slot, when it has no reply.
  std::optional<unsigned> find_unanswered(std::uint64_t task) const;
  /// Tasks that were posted and have no reply yet, ascending.
  std::vector<std::uint64_t> unanswered() const;
  void wake_lanes();
  /// A lane that died while it spun would keep others from being woken.
  void forget_dead_lanes();

 private:
  // Some ten microseconds: less than it takes to be woken, little enough that nobody pays for it.
  static constexpr int kMostSpins = 1000;

  struct Slot;
  struct Page;
  Page& page() const { return *reinterpret_cast<Page*>(memory_.at(0, 1)); }
  Slot& slot(unsigned number) const;
  void warm_up() const;
  bool holds(unsigned slot, std::uint64_t task) const;

  SparseMemory memory_;
  std::atomic<int> spins_{kMostSpins};  // before sleep, when waiting for a reply
  std::mutex mutex_;                    // below
  std::uint64_t next_shared_ = 0;
  std::map<std::uint64_t, std::vector<std::uint64_t>> unshared_;  // places by size
};

}  // namespace jobhost::store
