#pragma once

#include <string>

#include "backend/backend.hpp"

/// What scripts of queueing systems are made of.
namespace jobhost::backend {

/// What the queue calls the workers of the job whose directory has this path; no other job is called so.
std::string queue_name(const std::string& job_directory);

/// Shell lines that set what workers need of this process's environment; tasks see what was captured at submission.
std::string environment_lines();

/// The command line of one of so many workers, as for a shell, with what it prints appended to the job's file for that.
std::string queued_worker_line(const WorkerCommand& command, unsigned lanes, unsigned workers);

}  // namespace jobhost::backend
