#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/session.hpp"
#include "host/submission.hpp"
#include "host/workers.hpp"

namespace jobhost::cli {

/// How a job is followed to its end.
struct FollowOptions {
  struct Workers {
    backend::Choice backend;
    unsigned lanes = 1;
  };
  std::optional<Workers> start = std::nullopt;  // nothing: only reads along what others compute
  bool steal = false;                           // the job from a living host
  bundle::Output output;
  bool rows = true;                         // false: only run it, and the job may be gone afterwards
  std::uint64_t max_failures = UINT64_MAX;  // so many failed tasks end the job
  bool in_order = true;                     // of tasks; else as they complete
};

/// Claims the job and starts workers where that is asked for, then streams rows until the job is done; returns the exit
/// code. On Ctrl-C workers finish what they run, everything committed is printed as far as it is in order, and the way
/// to go on is said. Throws Error(kUsage) only before the job was begun. `ahead`: workers that were started already.
int follow(Session& session, const host::Job& job, const FollowOptions& options,
           std::unique_ptr<host::HeadStart> ahead = nullptr);

}  // namespace jobhost::cli
