#pragma once

#include <cstdint>

#include "base/file.hpp"

namespace jobhost::worker {

/// Limits how much memory a process may take on beyond what it holds (RLIMIT_DATA: heap and private mappings), while
/// tasks run. What is beyond fails as an allocation: std::bad_alloc, or a null pointer from malloc.
class MemoryLimit {
 public:
  /// `bytes` 0: no limit.
  MemoryLimit(base::Env& env, std::uint64_t bytes);
  void begin_tasks();
  void end_tasks();

 private:
  std::uint64_t bytes_;
  base::File sizes_;  // /proc/self/statm
};

}  // namespace jobhost::worker
