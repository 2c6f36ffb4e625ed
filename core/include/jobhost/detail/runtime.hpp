#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jobhost/options.hpp"
#include "jobhost/sdk/abi.h"

/// What the headers, compiled into the user's program, ask of the runtime. In worker processes there is none: a task
/// cannot map.
namespace jobhost::detail {

/// A parameter of a call: its type as the schema writes it, and where its values come from.
struct Column {
  enum class From {
    kFeed,
    kValue,  // `value`, for every task
    kTask,   // the task's number, u64
  };
  std::string name, type;
  From from = From::kFeed;
  std::string value = {};  // encoded
};

struct Call {
  std::string name;     // for people
  jobhost_entry entry;  // inside the program's module
  std::vector<Column> columns;
  std::string result;            // type
  std::uint64_t first_task = 0;  // number of the feed's first task
};

/// The arguments of one task after another, encoded; one value per column that comes from here.
class Feed {
 public:
  virtual ~Feed() = default;
  /// False at the end; `values` has the right size.
  virtual bool next(std::vector<std::string>& values) = 0;
};

struct Failure {
  std::uint64_t task = 0;
  std::string kind, type, what, where;
  std::string mangled, object;  // of what was thrown: its type, and its members where the program declared it
  struct Cause {
    std::string type, what;
  };
  std::vector<Cause> causes;
  std::vector<std::string> stack;
};

/// One task's end. Valid until the next call.
struct Outcome {
  std::uint64_t task = 0;
  const unsigned char* data = nullptr;  // encoded result
  std::uint64_t size = 0;
  const Failure* failure = nullptr;
};

/// A running job. For one thread at a time, but cancel(), which any thread may call. The destructor ends it; what is
/// running then is stopped at once.
class Job {
 public:
  virtual ~Job() = default;
  virtual std::uint64_t tasks() const = 0;
  virtual std::uint64_t done() = 0;
  /// Waits for the next task's end, in order of tasks or as they complete. False when all were told, or after cancel().
  /// Throws std::runtime_error when workers cannot run.
  virtual bool next(Outcome& outcome) = 0;
  virtual void cancel() = 0;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  /// Takes all of `feed`. Throws std::invalid_argument for what cannot be sent.
  virtual std::unique_ptr<Job> start(const Call& call, Feed& feed, const Options& options, bool in_order) = 0;
  /// The same for a job that goes on without this process, in the store that `options` name: its id.
  virtual std::string submit(const Call& call, Feed& feed, const Options& options) = 0;
  /// Reads along what others compute; `job` is an id, a unique prefix, a path or @last, `store` "" the default one.
  /// Throws std::invalid_argument when there is no such job or its results are of another type.
  virtual std::unique_ptr<Job> attach(const std::string& store, const std::string& job,
                                      const std::string& result_type) = 0;
  /// Offset of a function of the program, which workers find again. Throws std::invalid_argument for one that lies
  /// elsewhere, as in a library.
  virtual std::uint64_t offset_of(const void* function) = 0;
  /// Throws std::invalid_argument when the bytes look as if they held an address of this process.
  virtual void refuse_addresses(const void* bytes, std::uint64_t size, const char* what) = 0;
};

/// The program's runtime. Throws std::logic_error where there is none: inside a task, before main, or in a program that
/// was not made by add_job_program().
Runtime& runtime();

}  // namespace jobhost::detail
