#pragma once

#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::cli {

/// Has the workers of a job end: those that run tasks finish these first, unless `now` is set or it is asked for the
/// second time. Returns what there is to say of it.
std::vector<std::string> cancel_job(base::Env& env, const host::Job& job, bool now);

}  // namespace jobhost::cli
