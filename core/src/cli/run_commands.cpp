#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <climits>
#include <thread>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "cli/follow.hpp"
#include "cli/input_arguments.hpp"
#include "cli/job_names.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"

namespace jobhost::cli {
namespace {

struct RunOptions {
  std::string target;
  InputArguments inputs;
  std::string backend = "processes";
  unsigned workers = 0;
  std::string chunk = "auto";
  unsigned retries = 2;
  std::string label;
  bundle::Output output;
};

struct JobOptions {
  std::string job = "@last";
  std::string backend;
  unsigned workers = 0;
  bundle::Output output;
};

const std::vector<std::string> kBackends = {"processes", "threads"};

void check_backend(const std::string& name) {
  if (std::find(kBackends.begin(), kBackends.end(), name) != kBackends.end()) return;
  const auto near = base::nearest(name, kBackends);
  throw base::Error(base::ExitCode::kUsage, "no backend '" + name + "'",
                    near ? "did you mean '" + *near + "'?" : "there are: processes (default), threads");
}

unsigned default_workers() { return std::max(1u, std::thread::hardware_concurrency()); }

std::uint64_t chunk_of(const std::string& word) {
  if (word == "auto") return 0;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), size);
  if (error != std::errc() || *end != '\0' || size == 0) {
    throw base::Error(base::ExitCode::kUsage, "--chunk is 'auto' or a number of tasks, not '" + word + "'");
  }
  return size;
}

/// "PLUGIN.so:KERNEL"; kernels may hold colons themselves.
std::pair<std::string, std::string> split_target(const std::string& target) {
  const std::size_t so = target.find(".so:");
  const std::size_t colon = so != std::string::npos ? so + 3 : target.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == target.size()) {
    throw base::Error(
        base::ExitCode::kUsage, "'" + target + "' does not say which kernel to run",
        "write PLUGIN.so:KERNEL, as in ./pi.so:estimate_pi\nsee what there is: jobhost kernels PLUGIN.so");
  }
  return {target.substr(0, colon), target.substr(colon + 1)};
}

std::string absolute(const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  char here[PATH_MAX];
  return std::string(::getcwd(here, sizeof here) ? here : ".") + "/" + path;
}

/// A failing output file must not be found out after hours of computing.
void check_output(base::Env& env, const bundle::Output& output) {
  format_of(output);
  if (output.file.empty()) return;
  const std::string folder = output.file.substr(0, output.file.rfind('/') + 1);
  if (!base::exists(env, folder)) {
    throw base::Error(base::ExitCode::kUsage, "there is no directory '" + folder + "' for '" + output.file + "'");
  }
}

host::Job make_job(Session& session, RunOptions options, bool detached) {
  check_backend(options.backend);
  options.inputs.positional = session.positional;
  options.output.file = absolute(options.output.file);
  if (!detached) check_output(session.env, options.output);
  const auto [plugin, kernel] = split_target(options.target);
  host::JobSpec spec;
  spec.plugin = plugin;
  spec.kernel = kernel;
  spec.inputs = [&](schema::Kernel& signature, const std::string& directory) {
    return make_inputs(session.env, options.inputs, signature, directory);
  };
  spec.backend = options.backend;
  spec.workers = options.workers > 0 ? options.workers : default_workers();
  spec.retries = options.retries;
  spec.chunk = chunk_of(options.chunk);
  spec.label = options.label;
  spec.output = options.output;
  spec.command = session.command;
  store::Store store = session.store();
  return host::submit(session.env, store, spec);
}

void run(Session& session, const RunOptions& options) {
  Signals::install();
  const host::Job job = make_job(session, options, false);
  Running running = start_workers(session, job, job.manifest.backend, job.manifest.workers);
  session.exit_code = follow(session, job, &running, job.manifest.output);
}

void submit(Session& session, const RunOptions& options) {
  Signals::install();
  const host::Job job = make_job(session, options, true);
  const auto backend = backend::make_local(session.env, job.manifest.backend, true);
  backend->start({Session::program(), job.directory.path(), job.manifest_sha256, -1}, job.manifest.workers);
  std::printf("%s\n", job.manifest.job.c_str());
  session.say("watch it with: jobhost attach " + job.manifest.job);
}

bundle::Output chosen_output(const JobOptions& options, const host::Job& job) {
  if (options.output.file.empty() && options.output.format.empty()) return job.manifest.output;
  return {absolute(options.output.file), options.output.format};
}

void resume(Session& session, const JobOptions& options) {
  Signals::install();
  host::Job job = open_job(session, options.job);
  const bundle::Output output = chosen_output(options, job);
  check_output(session.env, output);
  if (base::exists(session.env, job.directory.done())) {
    session.say("job " + job.manifest.job + " is already done");
    session.exit_code = follow(session, job, nullptr, output);
    return;
  }
  if (options.workers > 0) job.manifest.workers = options.workers;
  const std::string backend = options.backend.empty() ? job.manifest.backend : options.backend;
  check_backend(backend);
  Running running = start_workers(session, job, backend, job.manifest.workers);
  session.exit_code = follow(session, job, &running, output);
}

void attach(Session& session, const JobOptions& options) {
  Signals::install();
  const host::Job job = open_job(session, options.job);
  // Without -o rows go to standard output: the file belongs to the host that runs the job.
  const bundle::Output output{absolute(options.output.file), options.output.format};
  check_output(session.env, output);
  session.exit_code = follow(session, job, nullptr, output);
}

void cancel(Session& session, const JobOptions& options) {
  const host::Job job = open_job(session, options.job);
  if (base::exists(session.env, job.directory.done())) {
    session.say("job " + job.manifest.job + " is already done");
    return;
  }
  base::write_file_atomically(session.env, job.directory.cancel(), {}, false);
  session.say("cancelled job " + job.manifest.job + ": running tasks are finished, nothing new is started");
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("target", options.target, "PLUGIN.so:KERNEL")->required()->type_name("TARGET");
  command
      .add_option("inputs", options.inputs.assignments,
                  "NAME=SPEC: one value, 1,2,5, a..b, a..b..step; several make a grid; NAME:=TEXT is literal")
      ->type_name("NAME=SPEC");
  command.add_flag("--zip", options.inputs.zip, "Pair the NAME=SPEC lists element by element");
  auto* csv = command.add_option("--csv", options.inputs.csv, "One task per row of FILE ('-': standard input)")
                  ->type_name("FILE");
  command.add_option("--jsonl", options.inputs.jsonl, "One task per line of FILE ('-': standard input)")
      ->type_name("FILE")
      ->excludes(csv);
  command.add_option("-b,--backend", options.backend, "processes or threads")->capture_default_str();
  command.add_option("-j,--workers", options.workers, "Lanes to compute in (default: one per core)")
      ->check(CLI::Range(1u, 1024u));
  command.add_option("--chunk", options.chunk, "Tasks taken at once: auto or N")->capture_default_str();
  command.add_option("--retries", options.retries, "Further attempts after a crash")->capture_default_str();
  command.add_option("--name", options.label, "A label for the job");
}

}  // namespace

void add_run_commands(CLI::App& app, Session& session) {
  auto run_options = std::make_shared<RunOptions>();
  auto* run_command = app.add_subcommand("run", "Map a kernel over inputs and print the results in order");
  add_run_options(*run_command, *run_options);
  add_output_options(*run_command, run_options->output);
  run_command->footer("Lists may follow as ::: 1 2 3 ::: 10 20 (every combination, in the parameters' order).");
  run_command->callback([&session, run_options] { run(session, *run_options); });

  auto submit_options = std::make_shared<RunOptions>();
  auto* submit_command = app.add_subcommand("submit", "The same, but print the job's id and return at once");
  add_run_options(*submit_command, *submit_options);
  submit_command->callback([&session, submit_options] { submit(session, *submit_options); });

  auto resume_options = std::make_shared<JobOptions>();
  auto* resume_command = app.add_subcommand("resume", "Run what is unfinished of a job, with the same code");
  add_job_option(*resume_command, resume_options->job);
  resume_command->add_option("-b,--backend", resume_options->backend, "Another backend than the job had");
  resume_command->add_option("-j,--workers", resume_options->workers, "Another number of lanes")
      ->check(CLI::Range(1u, 1024u));
  add_output_options(*resume_command, resume_options->output);
  resume_command->callback([&session, resume_options] { resume(session, *resume_options); });

  auto attach_options = std::make_shared<JobOptions>();
  auto* attach_command = app.add_subcommand("attach", "Print a job's results in order as they come");
  add_job_option(*attach_command, attach_options->job);
  add_output_options(*attach_command, attach_options->output);
  attach_command->callback([&session, attach_options] { attach(session, *attach_options); });

  auto cancel_options = std::make_shared<JobOptions>();
  auto* cancel_command = app.add_subcommand("cancel", "Stop a job; what is done stays, resume goes on");
  add_job_option(*cancel_command, cancel_options->job);
  cancel_command->callback([&session, cancel_options] { cancel(session, *cancel_options); });
}

}  // namespace jobhost::cli
