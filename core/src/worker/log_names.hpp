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

}  // namespace jobhost::worker
