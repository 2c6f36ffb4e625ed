#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobhost/sdk/abi.h"
#include "store/doorbell.hpp"
#include "store/failure.hpp"
#include "store/interval_set.hpp"

/// The memory that a supervisor shares with its executors. It subdivides the ranges that the supervisor holds and tells
/// what each lane is at; the truth about what is done stays in the logs.
namespace jobhost::worker {

inline constexpr std::uint32_t kMaxLanes = 1024;
inline constexpr std::uint32_t kSpans = 128;       // published at once
inline constexpr std::size_t kMaxStack = 48;       // frames kept of a stack
inline constexpr std::size_t kModuleText = 32768;  // bytes

/// A contiguous range of tasks that lanes take from its front.
struct Span {
  std::atomic<std::uint64_t> cursor;  // publication number modulo 2^16 in the top bits, tasks taken in the lower 48
  std::atomic<std::uint64_t> first, size;
  std::atomic<std::uint64_t> done, failed;  // tasks accounted for, and those among them that failed
};

/// Spans in order of publication; span number p is at spans[p % kSpans].
struct Queue {
  std::atomic<std::uint32_t> wake;  // futex: counts publications
  std::atomic<std::uint64_t> published;
  std::atomic<std::uint64_t> steals;  // counts tasks moving from lane to lane, before they move
  Span spans[kSpans];
};

/// Spoiled: tasks closed the log's descriptor, or wrote to it or cut it, or one of several lanes had no memory left.
/// Which task it was of those begun since the last commits is not known.
enum class LaneState : std::uint32_t { kAbsent, kStarting, kIdle, kRunning, kCrashed, kRefused, kLogFailed, kSpoiled };

/// What is known of a lane at any moment, also after its process died.
struct alignas(128) Lane {
  jobhost_progress progress;               // index within the call that runs; `stop` ends it early
  std::atomic<std::uint64_t> batch_first;  // task of the call's index 0
  std::atomic<std::uint64_t> batch_end;    // where the call ends, see Call
  std::atomic<std::uint64_t> commits;      // counts what the lane wrote down
  // Taken and not yet accounted for; empty: first == end. Others may have taken some of it over meanwhile.
  std::atomic<std::uint64_t> taken_first, taken_end, taken_span;
  std::atomic<std::uint64_t> reserve, reserve_first;  // the part not begun yet, see Reserve
  std::atomic<LaneState> state;
  std::atomic<std::int32_t> crash_signal;
  std::atomic<std::uint32_t> crash_aside;  // 1: it was a thread that a task had started
  std::atomic<std::uint32_t> stack_depth;
  std::atomic<std::uint64_t> printed;  // bytes of the executor's output that are in the index
  store::StackEntry stack[kMaxStack];
  char message[1024];      // refused, log failed: why; crashed: exception that ended the process, "exit(3)", or "stack
                           // overflow"
  char message_type[256];  // crashed by an exception nobody caught: its mangled type
  char modules[kModuleText];  // loaded files, one a line

  /// The plugin, which knows no std::atomic, reads `progress.stop` meanwhile, and writes `progress.current`.
  void set_stop(std::uint32_t value) { __atomic_store_n(&progress.stop, value, __ATOMIC_RELAXED); }
  void set_current(std::uint64_t index) { __atomic_store_n(&progress.current, index, __ATOMIC_RELAXED); }
  std::uint64_t current() const { return __atomic_load_n(&progress.current, __ATOMIC_RELAXED); }
};

struct Control {
  std::atomic<std::uint32_t> stop;  // finish the running task, commit, end
  std::atomic<std::uint32_t> bell;  // futex: a lane became idle or ended
  std::uint32_t lanes;              // shared lanes; one more, the solo lane, follows them
  std::int32_t supervisor_pid;
  std::atomic<std::uint32_t> forked;   // 1 in the private copy of a child that a task forked
  std::atomic<std::uint32_t> planned;  // futex: 1 once the plan is there
  std::atomic<std::uint32_t> cut;      // 1 once a task cut results off a lane's log
  std::uint64_t plan_size;
  Queue shared, solo;
  Lane lane[];  // lanes + 1

  /// Has the supervisor look at the lanes now.
  void ring() {
    bell.fetch_add(1);
    store::futex_wake_all(bell);
  }
};

/// Tasks that a lane took and has not begun, as offsets from `reserve_first`. The lane takes from the front, lanes that
/// have nothing else from the back: a slow task keeps no other waiting. All in one word, so that both sides agree; the
/// generation tells one reserve from the next.
struct Reserve {
  static constexpr std::uint64_t kMost = (1 << 24) - 1;
  std::uint64_t generation = 0, next = 0, end = 0;

  static Reserve of(std::uint64_t word) { return {word >> 48, word >> 24 & kMost, word & kMost}; }
  std::uint64_t word() const { return generation << 48 | next << 24 | end; }
  std::uint64_t left() const { return end - next; }
};

/// The end of the call that a lane is in, with a number that tells calls apart. The supervisor lowers it when a task
/// turns out to be slow, and gives those behind it to others; the lane drops what it computed beyond. 0: no call.
struct Call {
  std::uint64_t number = 0, end = 0;

  static Call of(std::uint64_t word) { return {word >> 48, word & ((std::uint64_t{1} << 48) - 1)}; }
  std::uint64_t word() const { return number << 48 | end; }
};

/// What executors are to run. They may be started before it is known, and then wait for it.
struct Plan {
  std::string job_directory, manifest_json, manifest_sha256, worker_id;
  std::string plugin;                  // staged file
  std::vector<std::string> libraries;  // staged files in load order
  std::vector<std::string> secrets;    // "NAME=VALUE", as the worker has them: executors may be older than the job
  int doorbell_fd = -1, mailbox_fd = -1;
};

/// Owns the mapping; the descriptor is inherited by executors.
class ControlMemory {
 public:
  /// Makes the memory for `lanes` shared lanes of the supervisor `pid`, without a plan.
  ControlMemory(std::uint32_t lanes, int pid);
  /// The same for this process, with the plan.
  ControlMemory(std::uint32_t lanes, const Plan& plan);
  /// Maps what another process made.
  explicit ControlMemory(int fd);
  ControlMemory(const ControlMemory&) = delete;
  ControlMemory& operator=(const ControlMemory&) = delete;
  ~ControlMemory();

  Control* operator->() const { return control_; }
  Control& operator*() const { return *control_; }
  int fd() const { return fd_; }
  /// For a process that hands it on to no other; what is mapped stays.
  void close_descriptor();
  /// Tells executors what to run. Once.
  void publish(const Plan& plan);
  /// What this process writes from here on, no other sees. Called in a child that a task forked: it must not speak for
  /// the lane, and its call is to end behind the task that it is in.
  void make_private() const;
  /// Waits until it is published.
  Plan plan() const;

 private:
  void map(std::size_t size);
  Control* control_ = nullptr;
  std::size_t size_ = 0;
  int fd_ = -1;
};

/// What a lane got: tasks [first, first+count) of span number `span`.
struct Taken {
  std::uint64_t span, first, count;
};

/// Notes in the lane what it is about to take, so that tasks are never gone without being somewhere.
inline void note_taken(Lane& lane, const Taken& tasks) {
  lane.taken_span.store(tasks.span, std::memory_order_relaxed);
  lane.taken_end.store(tasks.first + tasks.count, std::memory_order_relaxed);
  lane.taken_first.store(tasks.first, std::memory_order_release);
}
inline void forget_taken(Lane& lane) { lane.taken_first.store(lane.taken_end.load(), std::memory_order_release); }

/// Takes up to `wanted(remaining)` tasks below `limit` for `lane` from the front of the queue. Nothing when there are
/// none to be taken. `hint` is the lane's own position.
template <class Wanted>
std::optional<Taken> take(Queue& queue, Lane& lane, std::uint64_t& hint, std::uint64_t limit, Wanted wanted) {
  constexpr std::uint64_t kOffset = (std::uint64_t{1} << 48) - 1;
  const std::uint64_t published = queue.published.load(std::memory_order_acquire);
  if (hint + kSpans < published) hint = published - kSpans;
  for (std::uint64_t number = hint; number < published; ++number) {
    Span& span = queue.spans[number % kSpans];
    std::uint64_t cursor = span.cursor.load(std::memory_order_acquire);
    bool used_up = true;
    while (cursor >> 48 == (number & 0xffff)) {
      const std::uint64_t offset = cursor & kOffset, size = span.size.load(std::memory_order_relaxed);
      if (offset >= size) break;
      const std::uint64_t first = span.first.load(std::memory_order_relaxed) + offset;
      if (first >= limit) {
        used_up = false;
        break;
      }
      const std::uint64_t left = std::min(size - offset, limit - first);
      const std::uint64_t count = std::min<std::uint64_t>(wanted(left), left);
      const Taken tasks{number, first, count};
      note_taken(lane, tasks);
      if (span.cursor.compare_exchange_weak(cursor, cursor + count, std::memory_order_acq_rel)) return tasks;
      forget_taken(lane);
    }
    if (used_up && number == hint) ++hint;
  }
  return std::nullopt;
}

/// Makes what a lane took its reserve. At most Reserve::kMost tasks.
void set_reserve(Lane& lane, const Taken& tasks);
/// Takes up to `most` tasks from the front of a lane's own reserve; none when nothing is left of it.
store::Interval begin_tasks(Lane& lane, std::uint64_t most);
/// Takes the back half, in whole chunks, of the largest reserve among `lanes` for `self`.
std::optional<Taken> steal(Queue& queue, std::span<Lane> lanes, Lane& self, std::uint64_t chunk);
/// Nobody takes from a dead lane's reserve any more.
void close_reserve(Lane& lane);
/// Cuts the call that a lane is in behind the task now running: what it will not run then, if anything. That is still
/// noted as the lane's.
std::optional<Taken> cut_call(Lane& lane);

/// Accounts for tasks that a lane finished.
void account(Queue& queue, std::uint64_t span, std::uint64_t done, std::uint64_t failed);

}  // namespace jobhost::worker
