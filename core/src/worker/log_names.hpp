#pragma once

#include <string>

#include "store/job_directory.hpp"
#include "worker/control.hpp"

namespace jobhost::worker {

/// logs/hh/<worker>.<lane>.<generation>
inline std::string log_path(const Plan& plan, unsigned lane, const std::string& generation) {
  return store::JobDirectory(plan.job_directory).logs() + "/" + plan.worker_id.substr(0, 2) + "/" + plan.worker_id +
         "." + std::to_string(lane) + "." + generation;
}

/// printed/<worker>.<first lane>.<generation>: standard output and error of an executor.
inline std::string printed_path(const Plan& plan, unsigned first_lane, const std::string& generation) {
  return store::JobDirectory(plan.job_directory).printed() + "/" + plan.worker_id + "." + std::to_string(first_lane) +
         "." + generation;
}

}  // namespace jobhost::worker
