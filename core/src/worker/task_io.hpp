#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "jobhost/sdk/abi.h"
#include "store/failure.hpp"

namespace jobhost::worker {

/// Tasks that run and are committed together, and what came out. Its memory is used again for the next one.
struct Batch {
  std::uint64_t first = 0, count = 0;
  jobhost_entry entry = nullptr;
  std::optional<std::uint64_t> result_size;  // nothing: varies
  std::vector<jobhost_column> columns;

  unsigned char* results = nullptr;  // of a fixed size side by side, or one behind the other
  std::uint64_t capacity = 0;        // bytes at `results`
  std::vector<std::uint64_t> ends;   // of results of variable size
  struct Failed {
    std::uint64_t index;  // within the batch
    store::Failure failure;
  };
  std::vector<Failed> failures;  // in order
  std::uint64_t started = 0;     // wall clock, ns; where somebody wants to know
  std::uint64_t nanoseconds = 0;
};

/// Where a lane's tasks come from, and where their ends go.
class TaskIo {
 public:
  virtual ~TaskIo() = default;
  /// Tasks below this number may be taken.
  virtual std::uint64_t available() { return UINT64_MAX; }
  /// Fills in entry, result_size, columns, started, and count (1 <= count <= n), for tasks from `first` on. The columns
  /// stay valid until the next call.
  virtual void read(std::uint64_t first, std::uint64_t n, Batch& batch) = 0;
  /// Makes batch.capacity >= `wanted`, keeping the first `kept` bytes of results.
  virtual void make_room(Batch& batch, std::uint64_t wanted, std::uint64_t kept) = 0;
  /// False once tasks took away or changed what ends are written to, so that nothing of the batch may be committed.
  virtual bool intact() { return true; }
  /// The first `completed` tasks of the batch ended. Throws Error when that cannot be written down.
  virtual void commit(const Batch& batch, std::uint64_t completed) = 0;
  /// Called before a lane looks for tasks, and when it found none: waits until there may be some.
  virtual void before_look() = 0;
  virtual void wait() = 0;
  /// Stack of the last throw of this thread, innermost first.
  virtual std::vector<store::StackEntry> last_throw() = 0;
};

/// Where the task now running threw, as seen from inside its process. Thread-local behind the functions.
struct StackSource {
  /// Stack of the last throw of this thread, innermost first.
  std::function<std::vector<store::StackEntry>()> last_throw;
  /// Loaded files that stack entries refer to, by index.
  std::function<const std::vector<std::string>&()> modules;
};

}  // namespace jobhost::worker
