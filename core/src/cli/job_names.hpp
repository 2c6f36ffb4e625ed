#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.hpp"
#include "host/result_stream.hpp"
#include "host/submission.hpp"

/// How commands are told which job or task is meant.
namespace jobhost::cli {

/// Adds the positional JOB, `@last` when it is not given.
void add_job_option(CLI::App& command, std::string& job);

/// The job that an id, unique prefix, label, path or @last names. Throws Error(kUsage).
host::Job open_job(Session& session, const std::string& name);

/// The job whose tasks `job` repeats, if it does and that is still there.
std::optional<host::Job> repeated_by(Session& session, const host::Job& job);

/// The job that all repetitions go back to, which it says when that is another one: what `job` repeated is merged with
/// the rest there.
host::Job first_of(Session& session, host::Job job);

/// How commands that are typed next name a job of the session's store.
std::string call_by_id(const Session& session, const std::string& id);

struct TaskOfJob {
  host::Job job;
  std::uint64_t task;
};
/// "JOB/TASK". Throws Error(kUsage) when the job has no such task.
TaskOfJob open_task(Session& session, const std::string& name);

/// True when `name` means a task: JOB/TASK, and no directory of a job.
bool names_task(Session& session, const std::string& name);

/// Says of `job` which of the files that its tasks read by name are others now; for a job that repeats some of its
/// tasks, `repeat`, only what these read.
void say_changed_files(Session& session, const host::Job& job, const host::Job* repeat = nullptr);

/// Throws Error(kDamaged) when somebody removed the job.
void throw_if_gone(base::Env& env, const host::Job& job);

/// Says what damage has cost an ended job tasks, and makes the exit code that of damage; `damage` comes from the stream
/// that was read.
void say_damage(Session& session, const host::Job& job, const std::vector<std::string>& damage);

/// "done", "running", "running on node7?", "cancelling" (running tasks are finished), "cancelling on node7?",
/// "cancelled", "stopped" or "not begun".
std::string state_of(base::Env& env, const host::Job& job);
/// The same, or "damaged" where the job is said to be done and results are missing from its logs.
std::string state_of(base::Env& env, const host::Job& job, const host::ResultStream& stream);
/// Whether workers are at work in such a state.
bool works(const std::string& state);

}  // namespace jobhost::cli
