#pragma once

#include "backend/queue.hpp"

namespace jobhost::backend {

/// Slurm's job arrays: https://slurm.schedmd.com/job_array.html. Throws Error(kUsage) for options that cannot be passed
/// on, Error(kBackendFailed) where Slurm's commands are missing.
std::unique_ptr<Queue> make_slurm(base::Env& env, const Choice& choice, const std::string& job_directory);

}  // namespace jobhost::backend
