#include "cli/job_names.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/captured_words.hpp"
#include "host/merged_stream.hpp"
#include "host/named_files.hpp"
#include "store/party.hpp"

namespace jobhost::cli {

void add_job_option(CLI::App& command, std::string& job) {
  command.add_option("job", job, "Id, unique prefix, label, path, or @last (default)")->type_name("JOB");
}

host::Job open_job(Session& session, const std::string& name) {
  store::Store store = session.store();
  const auto [directory, by_path, others] = host::find_job(session.env, store, name);
  host::Job job = host::open_job(session.env, directory);
  job.by_path = by_path;
  if (by_path) {
    const bool bare = name.find('/') == std::string::npos;
    job.called = shell_line({bare ? "./" + name : name});
  } else {
    const std::string id = directory.path().substr(directory.path().rfind('/') + 1);
    job.called = call_by_id(session, id);
    if (others > 0) {
      session.say("note: " + std::to_string(others + 1) + " jobs are called '" + name + "': this is the last one, " +
                  id);
    }
  }
  return job;
}

std::string call_by_id(const Session& session, const std::string& id) {
  return session.store_path == store::Store::default_path() ? id : shell_line({id, "--store", session.store_path});
}

std::optional<host::Job> repeated_by(Session& session, const host::Job& job) {
  const std::string parent = job.manifest.parent.job, path = job.directory.path();
  const store::JobDirectory directory(path.substr(0, path.rfind('/') + 1) + parent);
  if (parent.empty() || job.manifest.label == host::audit_label(parent) ||
      !base::exists(session.env, directory.manifest())) {
    return std::nullopt;
  }
  return host::open_job(session.env, directory);
}

host::Job first_of(Session& session, host::Job job) {
  const std::string asked = job.manifest.job;
  while (auto before = repeated_by(session, job)) job = std::move(*before);
  if (job.manifest.job != asked)
    session.say("job " + asked + " repeats tasks of " + job.manifest.job + ": both are merged");
  return job;
}

TaskOfJob open_task(Session& session, const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) {
    throw base::Error(base::ExitCode::kUsage, "'" + name + "' names no task",
                      "write JOB/TASK, as in " + name + "/0 or @last/0");
  }
  TaskOfJob found{open_job(session, name.substr(0, slash)), 0};
  const auto& manifest = found.job.manifest;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + slash + 1, end, found.task);
  if (error != std::errc() || stop != end || found.task >= manifest.tasks) {
    throw base::Error(
        base::ExitCode::kUsage, "job " + manifest.job + " has no task '" + name.substr(slash + 1) + "'",
        manifest.tasks > 0 ? "its tasks are 0 to " + std::to_string(manifest.tasks - 1) : "it has no tasks at all");
  }
  return found;
}

bool names_task(Session& session, const std::string& name) {
  return name.find('/') != std::string::npos &&
         !store::is_job(session.env, store::JobDirectory(base::absolute_path(name)));
}

void say_changed_files(Session& session, const host::Job& job, const host::Job* repeat) {
  host::Names names;
  const auto& recorded = job.manifest.provenance.files;
  const bool any = std::any_of(recorded.begin(), recorded.end(),
                               [](const auto& file) { return file.read_by != bundle::InputFile::ReadBy::kHost; });
  if (!any) return;
  if (repeat) {
    names =
        host::names_in_inputs(session.env, repeat->manifest.inputs, repeat->manifest.kernel, repeat->directory.path());
  }
  for (const auto& sentence : host::changed_files(session.env, job.manifest, repeat ? &names : nullptr,
                                                  job.manifest.context.working_directory)) {
    session.say("note: " + sentence);
  }
}

void throw_if_gone(base::Env& env, const host::Job& job) {
  if (base::exists(env, job.directory.manifest())) return;
  throw base::Error(base::ExitCode::kDamaged,
                    "the job directory '" + job.directory.path() + "' is gone: nothing is kept",
                    "submit the job again");
}

void say_damage(Session& session, const host::Job& job, const std::vector<std::string>& damage) {
  // What is missing from a log that grows may be on its way.
  if (damage.empty() || works(state_of(session.env, job))) return;
  for (const auto& sentence : damage) std::fprintf(stderr, "damaged: %s\n", sentence.c_str());
  std::fprintf(stderr, "hint: what is lost is computed again by: jobhost resume %s\n", job.called.c_str());
  session.exit_code = static_cast<int>(base::ExitCode::kDamaged);
}

std::string state_of(base::Env& env, const host::Job& job) {
  if (job.directory.is_done(env)) return "done";
  const auto self = store::make_identity(env, "host");
  const bool cancelled = job.directory.is_cancelled(env);
  const std::string at_work = cancelled ? "cancelling" : "running";
  bool begun = false;
  for (const auto& party : store::all_parties(env, job.directory)) {
    if (party.role != "worker") continue;
    begun = true;
    const auto life = store::life_of(env, party, self);
    if (life == store::Life::kAlive) return at_work;
    if (life == store::Life::kUnknown && store::read_heartbeat(env, job.directory, party.id).left == 0)
      return at_work + " on " + party.hostname + "?";
  }
  if (cancelled) return "cancelled";
  return begun ? "stopped" : "not begun";
}

std::string state_of(base::Env& env, const host::Job& job, const host::ResultStream& stream) {
  const std::string state = state_of(env, job);
  return state == "done" && stream.done() < job.manifest.tasks ? "damaged" : state;
}

bool works(const std::string& state) { return state.starts_with("running") || state.starts_with("cancelling"); }

}  // namespace jobhost::cli
