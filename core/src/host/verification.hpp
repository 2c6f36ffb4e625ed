#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::host {

/// What a check of every byte of a job brought to light.
struct Verification {
  std::vector<std::string> damaged;  // sentences; none: the job is sound
  std::vector<std::string> notes;    // what is harmless
  std::uint64_t blobs = 0, packs = 0, frames = 0, tasks = 0;
};

/// Compares code, inputs and results with their digests and checksums, decodes every result, and compares DONE with
/// what the logs hold. Reads only.
Verification verify(base::Env& env, const Job& job);

}  // namespace jobhost::host
