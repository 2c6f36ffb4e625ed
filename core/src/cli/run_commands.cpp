#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>

#include "backend/backend.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "build/plugin_builder.hpp"
#include "cli/cancellation.hpp"
#include "cli/captured_words.hpp"
#include "cli/follow.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/plugin_target.hpp"
#include "cli/row_output.hpp"
#include "cli/run_options.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "cli/standard_output.hpp"
#include "cli/task_words.hpp"
#include "host/result_stream.hpp"
#include "host/reuse.hpp"
#include "host/submission.hpp"
#include "host/workers.hpp"
#include "store/job_sync.hpp"

namespace jobhost::cli {
namespace {

struct JobOptions {
  std::string job = "@last";
  bool failed = false, detach = false, steal = false, now = false;
  std::string tasks, plugin;
  BuildOptions build;  // of a source file
  GuardOptions guards;
  BackendOptions backend;
  bundle::Output output;
};

/// What would run: the kernel, its first tasks, and what starts the worker. The job is made and removed again.
void show_plan(Session& session, const host::Job& job, bool detached) {
  constexpr std::uint64_t kShown = 5;
  const auto& manifest = job.manifest;
  std::printf("%s\n%s on %s with %s\n", manifest.kernel.signature.c_str(), count_of(manifest.tasks, "task").c_str(),
              manifest.backend.c_str(), count_of(manifest.workers, "lane").c_str());
  TaskWords words(session.env, job);
  for (std::uint64_t task = 0; task < std::min(kShown, manifest.tasks); ++task) {
    std::printf("  task %llu: %s\n", static_cast<unsigned long long>(task), words.inputs_of(task).c_str());
  }
  if (manifest.tasks > kShown) std::printf("  ...\n");
  const auto backend = backend::make_backend(session.env, choice_of(manifest), detached);
  const bool local = backend::is_local(manifest.backend);
  std::printf("%s%s", local ? "each worker: " : "workers start by:\n",
              backend->plan({Session::program(), local ? "JOB" : job.directory.path(), "SHA256", -1}, manifest.workers)
                  .c_str());
}

void detach(Session& session, const host::Job& job, const FollowOptions::Workers& workers) {
  const auto backend = backend::make_backend(session.env, workers.backend, true);
  backend->start({Session::program(), job.directory.path(), job.manifest_sha256, -1}, workers.lanes);
  std::printf("%s\n", job.manifest.job.c_str());
  flush_standard_output("its workers run; watch it with: jobhost attach " + job.called);
  session.say("watch it with: jobhost attach " + job.called);
}

/// Workers that start while the job is made, unless they are to outlive this process.
std::unique_ptr<host::HeadStart> start_ahead(Session& session, const RunOptions& options) {
  if (options.dry_run || options.detach) return nullptr;
  const backend::Choice backend = choice_of(session.env, options.backend);
  auto workers = std::make_unique<host::HeadStart>(
      session.env, Session::program(), backend, lanes_of(options.backend, backend),
      [&session](const std::vector<std::string>& arguments) { return run_worker(session.env, arguments); });
  workers->go();
  return workers;
}

/// Takes what earlier jobs have, and says so, or why there is nothing.
void reuse(Session& session, const host::Job& job) {
  store::Store store = session.store();
  const auto found = host::reuse_results(session.env, store, job);
  for (const auto& sentence : found.left_out) session.say(sentence);
  if (found.tasks == 0) return session.say("nothing reused: " + found.why_nothing);
  session.say("reused " + std::to_string(found.tasks) + " of " + std::to_string(job.manifest.tasks) + " results from " +
              std::to_string(found.jobs) + (found.jobs == 1 ? " job" : " jobs"));
  for (const auto& id : found.doubtful)
    session.say("note: job " + id + ", whose results are used, has notes: jobhost show " + call_by_id(session, id));
}

void run(Session& session, const CLI::App& command, const RunOptions& options) {
  Signals::install();
  auto ahead = start_ahead(session, options);
  const host::Job job = make_job(session, command, options);
  session.explain("job " + job.manifest.job + " in " + job.directory.path() + ": " +
                  count_of(job.manifest.tasks, "task") + " of " + job.manifest.kernel.signature + " from " +
                  job.manifest.plugin.origin + " (build id " + job.manifest.plugin.build_id + ")");
  for (const auto& note : store::require_trusted(session.env, job.directory)) session.say("note: " + note);
  try {
    if (options.reuse) reuse(session, job);
    if (options.dry_run) {
      show_plan(session, job, options.detach);
      base::remove_tree(session.env, job.directory.path());
    } else if (options.hold) {
      if (job.manifest.sync == base::SyncPolicy::kBatch) {  // there is no worker to do it
        store::sync_code_and_inputs(session.env, job.directory);
        store::sync_manifest(session.env, job.directory);
      }
      std::printf("%s\n", job.manifest.job.c_str());
      flush_standard_output("the job is made; begin with: jobhost resume " + job.called);
      session.say("no worker is started; begin with: jobhost resume " + job.called);
    } else if (options.detach) {
      detach(session, job, {choice_of(job.manifest), job.manifest.workers});
    } else {
      session.exit_code = follow(session, job, follow_options(options, job), std::move(ahead));
    }
  } catch (const base::Error& error) {
    if (error.code() == base::ExitCode::kUsage || options.dry_run) {
      base::remove_tree(session.env, job.directory.path());
    }
    throw;
  }
}

/// Where rows go by this command line; nothing when it does not say.
std::optional<bundle::Output> chosen_output(const JobOptions& options) {
  bundle::Output given = options.output;
  if (given == bundle::Output{}) return std::nullopt;
  given.file = base::absolute_path(given.file);
  return given;
}

/// How many tasks failed, when every task has a record. DONE alone is not believed: a power cut may leave it and take
/// records.
std::optional<std::uint64_t> failed_of_all(Session& session, const host::Job& job) {
  if (!job.directory.is_done(session.env)) return std::nullopt;
  host::ResultStream stream(session.env, job);
  stream.read_all();
  if (stream.done() < job.manifest.tasks) return std::nullopt;
  return stream.failed();
}

/// Rows go where they were to go at submission. A directory that is only named by its path may be a copy, or a
/// stranger's: the file that it speaks of is another job's, or nobody's that this user knows of.
bundle::Output recorded_output(Session& session, const host::Job& job) {
  const auto& recorded = job.manifest.output;
  if (!job.by_path) return recorded;
  if (!recorded.file.empty()) {
    session.say("rows go to standard output; '" + recorded.file +
                "', which they were for at submission, is left alone: -o FILE writes a file");
  }
  return {};
}

/// What is to compute a job that exists. One that moves to this machine has as many lanes as are usual here.
FollowOptions::Workers workers_of(Session& session, const BackendOptions& options, const host::Job& job) {
  const auto choice = choice_of(session.env, options, choice_of(job.manifest));
  const bool comes_home = backend::is_local(choice.name) && !backend::is_local(job.manifest.backend);
  const unsigned lanes = options.lanes > 0 || comes_home ? lanes_of(options, choice) : job.manifest.workers;
  host::require_own_globals(job.manifest.isolate_globals, choice.name, lanes);
  return {choice, lanes};
}

void resume(Session& session, const JobOptions& options) {
  Signals::install();
  const host::Job job = open_job(session, options.job);
  const auto chosen = chosen_output(options);
  FollowOptions how;
  how.output = chosen ? *chosen : recorded_output(session, job);
  check_output(session.env, how.output);
  if (const auto failed = failed_of_all(session, job)) {
    session.say("job " + job.manifest.job + " is already done");
    if (!chosen && !how.output.file.empty() && base::exists(session.env, how.output.file)) {
      session.say("'" + how.output.file + "' is there, and is not written again; results: jobhost results " +
                  job.called + " -o FILE");
      session.exit_code = *failed > 0 ? 1 : 0;
      return;
    }
  } else {
    how.steal = options.steal;
    how.start = workers_of(session, options.backend, job);
    say_changed_files(session, job);
  }
  session.exit_code = follow(session, job, how);
}

/// "3,7..9" as numbers in ascending order.
std::vector<std::uint64_t> task_list(const std::string& text, std::uint64_t tasks) {
  std::set<std::uint64_t> chosen;
  const auto refuse = [&](const std::string& why) {
    return base::Error(base::ExitCode::kUsage, "--tasks " + text + ": " + why, "write it as in 3,7..9");
  };
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    std::uint64_t first = 0, last = 0;
    const char* const stop = part.data() + part.size();
    auto read = std::from_chars(part.data(), stop, first);
    last = first;
    if (read.ec == std::errc() && std::string_view(read.ptr).starts_with("..")) {
      read = std::from_chars(read.ptr + 2, stop, last);
    }
    if (read.ec != std::errc() || read.ptr != stop || last < first) throw refuse("'" + part + "' is no range of tasks");
    if (last >= tasks) throw refuse("the job's tasks are 0 to " + std::to_string(tasks - 1));
    for (std::uint64_t task = first; task <= last; ++task) chosen.insert(task);
  }
  return {chosen.begin(), chosen.end()};
}

std::vector<std::uint64_t> failed_tasks(Session& session, const host::Job& job) {
  std::vector<std::uint64_t> failed;
  host::ResultStream stream(session.env, job);
  stream.read_all();
  while (const host::Block* block = stream.next_available()) {
    if (block->failed) failed.push_back(block->first);
  }
  std::sort(failed.begin(), failed.end());
  say_damage(session, job, stream.damage());
  return failed;
}

/// The mended code, built as the job's own was unless options say otherwise: what its flags define belongs to its
/// results.
std::string mended_plugin(Session& session, const JobOptions& options, const host::Job& parent) {
  BuildOptions how = options.build;
  if (how == BuildOptions() && build::is_source(options.plugin)) {
    std::optional<host::Job> job = parent;
    std::string like;
    for (; how == BuildOptions() && job; job = repeated_by(session, *job)) {
      how = build_options_in(job->manifest.command);
      like = job->manifest.job;
    }
    std::vector<std::string> words;
    for (const auto& flags : how.flags) words.push_back("--cxxflags=" + flags);
    for (const auto& library : how.link) words.push_back("--link=" + library);
    for (const auto& name : how.globals) words.push_back("--global=" + name);
    if (!words.empty()) session.say("built as job " + like + " was: " + shell_line(words));
  }
  return plugin_of(session, options.plugin, how);
}

void retry(Session& session, const JobOptions& options) {
  Signals::install();
  const host::Job parent = open_job(session, options.job);
  check_output(session.env, options.output);
  std::vector<std::uint64_t> tasks;
  if (!options.tasks.empty()) {
    tasks = task_list(options.tasks, parent.manifest.tasks);
  } else {
    tasks = failed_tasks(session, parent);
    if (tasks.empty()) return session.say("no task of job " + parent.manifest.job + " failed");
  }
  store::Store store = session.store();
  const std::string plugin = options.plugin.empty() ? "" : mended_plugin(session, options, parent);
  host::Changes changes;
  changes.named = options.plugin;
  changes.timeout_ms = options.guards.timeout_ms();
  changes.memory = options.guards.bytes();
  changes.retries = options.guards.retries;
  host::Job job = host::resubmit(session.env, store, parent, tasks, plugin, session.command, changes);
  job.called = call_by_id(session, job.manifest.job);
  session.say("job " + job.manifest.job + " repeats " + count_of(tasks.size(), "task") + " of " + parent.manifest.job);
  say_changed_files(session, parent, &job);
  const FollowOptions::Workers workers = workers_of(session, options.backend, job);
  if (options.detach) return detach(session, job, workers);
  FollowOptions how;
  how.start = workers;
  how.output = chosen_output(options).value_or(bundle::Output());
  session.exit_code = follow(session, job, how);
  if (session.exit_code > static_cast<int>(base::ExitCode::kTasksFailed)) return;
  session.say("with all other tasks: jobhost results " + parent.manifest.job + " --merged");
}

void attach(Session& session, const JobOptions& options) {
  Signals::install();
  const host::Job job = open_job(session, options.job);
  FollowOptions how;
  // Without -o rows go to standard output: the file belongs to the host that runs the job.
  how.output = chosen_output(options).value_or(bundle::Output());
  check_output(session.env, how.output);
  session.exit_code = follow(session, job, how);
}

void cancel(Session& session, const JobOptions& options) {
  for (const auto& sentence : cancel_job(session.env, open_job(session, options.job), options.now))
    session.say(sentence);
}

}  // namespace

void add_run_commands(CLI::App& app, Session& session) {
  auto run_options = std::make_shared<RunOptions>();
  auto* run_command = app.add_subcommand("run", "Map a kernel over inputs and print the results in order");
  add_run_options(*run_command, *run_options);
  add_waiting_options(*run_command, *run_options);
  run_command->callback([&session, run_options, run_command] { run(session, *run_command, *run_options); });

  auto submit_options = std::make_shared<RunOptions>();
  submit_options->detach = true;
  auto* submit_command = app.add_subcommand("submit", "The same, but print the job's id and return at once");
  add_run_options(*submit_command, *submit_options);
  submit_command->add_flag("--hold", submit_options->hold, "Only make the job: 'jobhost resume' starts its workers");
  submit_command->callback(
      [&session, submit_options, submit_command] { run(session, *submit_command, *submit_options); });

  auto options = std::make_shared<JobOptions>();
  const auto add = [&](const char* name, const char* what, void (*run)(Session&, const JobOptions&)) {
    auto* command = app.add_subcommand(name, what);
    add_job_option(*command, options->job);
    command->callback([&session, options, run] { run(session, *options); });
    return command;
  };
  auto* resume_command = add("resume", "Run what is unfinished of a job, with the same code", &resume);
  const char* const lanes = "as many as the job had; one per core where it comes to this machine";
  add_backend_options(*resume_command, options->backend, "that of the job", lanes);
  resume_command->add_flag("--steal", options->steal, "Take the job from the host that runs it now");
  add_output_options(*resume_command, options->output);
  resume_command->footer(
      "Rows go where they were to go at submission, unless an option says otherwise; those of a job that is named by\n"
      "its path, to standard output. A file of a job that is already done is not written again.");
  add_output_options(*add("attach", "Print a job's results in order as they come", &attach), options->output);
  auto* retry_command = add("retry", "Run failed or chosen tasks again, as a new job", &retry);
  auto* tasks = retry_command->add_option("--tasks", options->tasks, "These tasks, as in 3,7..9")->type_name("LIST");
  retry_command->add_flag("--failed", options->failed, "Those that failed (default)")->excludes(tasks);
  retry_command
      ->add_option("--plugin", options->plugin, "Mended code instead of the job's own: a plugin, or a source file")
      ->type_name("NEW.cpp");
  add_build_options(*retry_command, options->build);
  retry_command->add_flag("--detach", options->detach, "Print the new job's id and return");
  add_guard_options(*retry_command, options->guards, "as the job");
  add_backend_options(*retry_command, options->backend, "that of the job", lanes);
  add_output_options(*retry_command, options->output);
  add("cancel", "Stop a job; what is done stays, resume goes on", &cancel)
      ->add_flag("--now", options->now, "Without waiting for running tasks, as when a job is cancelled a second time");
}

}  // namespace jobhost::cli
