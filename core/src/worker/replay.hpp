#pragma once

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "jobhost/sdk/abi.h"

namespace jobhost::worker {

/// Runs one task on the calling thread, without crash guard or logs, and prints its result as JSON or, to standard
/// error, what it threw. Returns the exit code: 0, or 1 when it threw.
int replay_task(base::Env& env, const bundle::Manifest& manifest, const std::string& job_directory, jobhost_entry entry,
                std::uint64_t task);

}  // namespace jobhost::worker
