#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "jobhost/options.hpp"
#include "jobhost/sdk/abi.h"

/// What the headers, compiled into the user's program, ask of the runtime. In worker processes there is none: a task
/// cannot map.
namespace jobhost::detail {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void bytes(const void* from, std::uint64_t size) = 0;
  /// The same for memory that nobody will read again: its pages may be gone afterwards.
  virtual void last_bytes(const void* from, std::uint64_t size) { bytes(from, size); }
};

/// An encoded value: its bytes, or, for one that may be large, how to write them, so that they need not be in memory as
/// well. Nobody but `write` holds what such a value owns.
struct Value {
  std::string bytes;
  std::function<void(ByteSink&)> write = nullptr;
};

/// A value that a pool keeps for its workers; goes when nobody refers to it any more.
class SharedValue {
 public:
  virtual ~SharedValue() = default;
};

/// A parameter of a call: its type as the schema writes it, and where its values come from.
struct Column {
  enum class From {
    kFeed,
    kValue,    // `value`, for every task
    kShared,   // `shared`, likewise
    kTask,     // the task's number, u64
    kRange,    // `start` plus the task's number, an integer of `width` bytes: nothing is stored
    kGlobals,  // the program's globals as they were captured: `value`; a pool has captured them itself
  };
  std::string (*type)();
  From from = From::kFeed;
  Value value = {};
  std::shared_ptr<SharedValue> shared = nullptr;
  std::uint64_t start = 0;  // two's complement
  std::size_t width = 0;
};

/// Columns before the arguments: the callable's state, the job's seed, the task's number, the program's globals.
inline constexpr std::size_t kGlobalsColumn = 3, kOwnColumns = 4;

struct Call {
  std::string (*name)();                     // for people
  jobhost_entry entry;                       // inside the program's module
  std::string (*result)();                   // type
  std::optional<std::uint64_t> result_size;  // bytes; nothing: varies
  std::vector<Column> columns = {};
  std::uint64_t first_task = 0;  // number of the feed's first task
  bool once = false;             // one job is made of it: values are given up as soon as they are written
  std::shared_ptr<const void> linked_globals = nullptr;  // of linked plugins: the runtime's, from the first job on
};

/// The arguments of one task after another, encoded; one value per column that comes from here.
class Feed {
 public:
  virtual ~Feed() = default;
  /// False at the end; `values` has the right size.
  virtual bool next(std::vector<std::string>& values) = 0;
};

/// What is found out about a failure when it is first asked for: where it happened takes debug information to be read.
/// Any thread may ask.
class FailureDetails {
 public:
  virtual ~FailureDetails() = default;
  virtual const std::string& where() = 0;
  virtual const std::vector<std::string>& stack() = 0;
  virtual const std::string& inputs() = 0;
};

struct Failure {
  std::uint64_t task = 0;
  std::string kind, type, what;
  std::string mangled, object;  // of what was thrown: its type, and its members where the program declared it
  struct Cause {
    std::string type, what;
  };
  std::vector<Cause> causes;
  std::shared_ptr<FailureDetails> details;
};

/// One task's end. Valid until the next call.
struct Outcome {
  std::uint64_t task = 0;
  const unsigned char* data = nullptr;  // encoded result
  std::uint64_t size = 0;
  const Failure* failure = nullptr;
};

/// Ends of consecutive tasks: their encoded results, or of one its failure. Valid until the next call.
struct Block {
  std::uint64_t first = 0, count = 0;
  jobhost_column results{};
  const Failure* failure = nullptr;
};

/// A running job. For one thread at a time, but cancel(), which any thread may call. The destructor ends it; what is
/// running then is stopped at once.
class Job {
 public:
  virtual ~Job() = default;
  virtual std::uint64_t tasks() const = 0;
  virtual std::uint64_t done() = 0;
  /// Waits for the next tasks to end, in order of tasks or as they complete. False when all were told, or after
  /// cancel(). Throws std::runtime_error when workers cannot run.
  virtual bool next(Block& block) = 0;
  virtual void cancel() = 0;
  /// Called now and then while next() waits, on its thread. What it throws comes out of next().
  std::function<void()> while_waiting = {};
};

/// A call that a pool was given. For one thread at a time. The destructor gives it up: it is not begun if it was not
/// yet.
class PoolTask {
 public:
  virtual ~PoolTask() = default;
  virtual std::uint64_t number() const = 0;
  virtual bool ready() = 0;
  /// The end of a task that is ready. Valid as long as this object.
  virtual Outcome end() = 0;
};

/// Warm workers for calls and maps. Any thread may call. The destructor ends the workers, once no tasks and jobs of it
/// are left either. All but the destructor throw std::runtime_error when workers cannot run.
class TaskPool {
 public:
  virtual ~TaskPool() = default;
  virtual std::shared_ptr<SharedValue> share(const Value& value) = 0;
  /// Posts a call, whose columns all have values; waits while there is no room.
  virtual std::unique_ptr<PoolTask> post(Call call) = 0;
  /// Waits until one of the tasks is ready; its position, or tasks.size() when none is after so many nanoseconds.
  virtual std::size_t wait_any(std::span<PoolTask* const> tasks, std::uint64_t nanoseconds) = 0;
  /// The tasks of a feed, posted as far ahead as is good. `tasks`: their number, where that is known.
  virtual std::unique_ptr<Job> map(Call call, std::unique_ptr<Feed> feed, std::optional<std::uint64_t> tasks,
                                   bool in_order, std::stop_token stop) = 0;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  /// A job in the store that `options` name. Takes all of `feed`. Throws std::invalid_argument for what cannot be sent.
  virtual std::unique_ptr<Job> start(Call& call, Feed& feed, const Options& options, bool in_order) = 0;
  /// The same for a job that goes on without this process, in the store that `options` name: its id.
  virtual std::string submit(Call& call, Feed& feed, const Options& options) = 0;
  /// `globals`: as captured.
  virtual std::shared_ptr<TaskPool> open_pool(const std::string& globals, const Options& options) = 0;
  /// Reads along what others compute; `job` is an id, a unique prefix, a label, a path or @last, `store` "" the default
  /// one. Throws std::invalid_argument when there is no such job or its results are of another type.
  virtual std::unique_ptr<Job> attach(const std::string& store, const std::string& job,
                                      const std::string& result_type) = 0;
  /// Throws std::invalid_argument when the bytes look as if they held an address of this process.
  virtual void refuse_addresses(const void* bytes, std::uint64_t size, const char* what) = 0;
};

/// The program's runtime. Throws std::logic_error where there is none: inside a task, before main, or in a program that
/// was not made by add_job_program().
Runtime& runtime();

}  // namespace jobhost::detail
