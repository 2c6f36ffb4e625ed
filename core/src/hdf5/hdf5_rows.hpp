#pragma once

#include <string>

#include "base/env.hpp"
#include "host/submission.hpp"

namespace jobhost::hdf5 {

/// Writes all that is done of a job into a new HDF5 file. The axes of its inputs are the dimensions; a list of rows has
/// one, the tasks. What is neither number nor text is written as JSON. `merged`: the latest of each task, as
/// host::MergedStream has them. In memory are the values along the axes, and results a window at a time.
void write_job(base::Env& env, const host::Job& job, bool merged, const std::string& path);

}  // namespace jobhost::hdf5
