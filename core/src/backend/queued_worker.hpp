#pragma once

#include <string>

#include "backend/backend.hpp"

/// What scripts of queueing systems are made of.
namespace jobhost::backend {

/// What the queue calls the workers of the job whose directory has this path; no other job is called so.
std::string queue_name(const std::string& job_directory);

/// Shell lines that set what workers need of this process's environment; tasks see what was captured at submission.
std::string environment_lines();

/// The exit code of a worker's script that did not see the job's directory, which it could tell in no other way.
inline constexpr int kUnseen = 66;
std::string unseen_sentence(const std::string& job_directory);

/// Shell commands that come before a worker: they wait until the job's directory is to be seen, and refuse in the
/// worker's name where the program cannot be run. `between` them: "\n" or "; ".
std::string checks_before_worker(const WorkerCommand& command, const std::string& between);

/// The command line of one of so many workers, as for a shell, with what it prints appended to the job's file for that.
std::string queued_worker_line(const WorkerCommand& command, unsigned lanes, unsigned workers);

}  // namespace jobhost::backend
