#pragma once

#include <cstdint>
#include <string>

#include "base/env.hpp"
#include "store/job_directory.hpp"
#include "worker/control.hpp"

namespace jobhost::worker {

/// Notices what tasks print, in an executor with a single lane: its standard output is a file that only it writes.
class PrintWatch {
 public:
  /// `printed`: that file.
  PrintWatch(base::Env& env, Lane& lane, store::JobDirectory job, std::string printed);

  /// Call after tasks [first, first+count) ran: puts what they printed into the index. False when they printed nothing.
  bool note(std::uint64_t first, std::uint64_t count, std::uint64_t started);

 private:
  base::Env& env_;
  Lane& lane_;
  store::JobDirectory job_;
  std::string printed_;
};

}  // namespace jobhost::worker
