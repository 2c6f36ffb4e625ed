#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::host {

/// Something about a file of a job.
struct Finding {
  std::string file;  // relative to the job directory
  std::optional<std::uint64_t> byte;
  std::string what;
};
std::string in_words(const Finding& finding);

/// What a check of every byte of a job brought to light.
struct Verification {
  std::vector<Finding> damaged;  // none: the job is sound
  std::vector<Finding> notes;    // what is harmless
  std::uint64_t blobs = 0, packs = 0, frames = 0;
  std::uint64_t tasks = 0, failed = 0;  // with a result or a failure; of those, the failures
  bool code_damaged = false, inputs_damaged = false;
};

/// Accounts for every file of the job directory, and compares all that has a digest or checksum with it; decodes every
/// result, and compares what claims, DONE and indices say with the logs. Changes nothing. Of a job that runs, what
/// is being written may be found unfinished.
Verification verify(base::Env& env, const Job& job);

}  // namespace jobhost::host
