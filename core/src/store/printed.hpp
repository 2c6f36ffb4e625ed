#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/env.hpp"
#include "store/job_directory.hpp"

/// What kernels print is kept as it comes in printed/<executor>; an index beside it says which tasks printed what.
namespace jobhost::store {

/// Bytes [offset, offset+length) of an executor's output, printed while tasks [first, first+count) ran.
struct PrintedPart {
  std::uint64_t first = 0, count = 0;
  std::uint64_t offset = 0, length = 0;
  std::uint64_t started = 0;  // wall clock, ns since 1970
};

/// What a line of an index says; nothing when its checksum is wrong or it is none.
std::optional<PrintedPart> printed_part(const std::string& line);

/// Appends a line to the index of the job's output file `printed`.
void note_printed(base::Env& env, const JobDirectory& job, const std::string& printed, const PrintedPart& part);

/// Calls `part` for everything that any executor of the job noted, in the order in which it was begun. `printed` is the
/// file that holds it. Throws Error(kDamaged) where an index is none.
void for_each_printed(base::Env& env, const JobDirectory& job,
                      const std::function<void(const std::string& printed, const PrintedPart&)>& part);

}  // namespace jobhost::store
