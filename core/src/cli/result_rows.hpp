#pragma once

#include <string>
#include <vector>

#include "cli/session.hpp"
#include "host/submission.hpp"

namespace jobhost::cli {

struct Written {
  std::vector<host::Job> jobs;         // that rows may come from; the first is the one that was asked for
  std::uint64_t rows = 0, failed = 0;  // tasks, and how many of them failed
};

/// "25 tasks, 5 of them failed"
std::string in_words(const Written& written);

/// Writes all that is done of a job, whatever is missing between, as `output` asks for it, and says on standard error
/// how much that is. `merged`: with the tasks that other jobs repeated (host::MergedStream), each row with its code.
/// The exit code becomes 1 when there are failures among the rows, and that of damage when some are lost.
Written write_results(Session& session, const host::Job& job, const bundle::Output& output, bool merged);

}  // namespace jobhost::cli
