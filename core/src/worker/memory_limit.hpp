#pragma once

#include <cstdint>

#include "base/file.hpp"

namespace jobhost::worker {

/// Limits how much memory a process may take on beyond what it holds (RLIMIT_DATA: heap and private mappings), while
/// tasks run. What is beyond fails as an allocation: std::bad_alloc, or a null pointer from malloc.
class MemoryLimit {
 public:
  /// `bytes` per task, 0: no limit. The limit is the process's: where several lanes share it, they share `lanes` times
  /// as much, and it stays while others run.
  MemoryLimit(base::Env& env, std::uint64_t bytes, unsigned lanes);
  void begin_tasks();
  void end_tasks();

 private:
  std::uint64_t bytes_;
  bool shared_;
  std::uint64_t outside_ = 0;  // the soft limit while no task runs
  base::File sizes_;           // /proc/self/statm
};

}  // namespace jobhost::worker
