#pragma once

#include <string>
#include <vector>

#include "host/submission.hpp"

namespace jobhost::host {

/// What the workers of a job have to say besides results, in sentences: surroundings that could not be had, what tasks
/// changed that others might see. Global variables are named with the job's own copy of the code.
std::vector<std::string> notes_of(base::Env& env, const Job& job);

}  // namespace jobhost::host
