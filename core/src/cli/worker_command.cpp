#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include "base/error.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "worker/supervisor.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::cli {
namespace {

struct WorkerOptions {
  worker::SupervisorOptions supervisor;
  std::string mode = "processes";
  int doorbell_fd = -1;
  double patience = 120;
  unsigned jitter_ms = 0;
  bool in_group = false;
  std::vector<std::string> arguments;
};

void work(Session& session, WorkerOptions options) {
  if (options.supervisor.job_directory.empty() && options.supervisor.host_fd < 0) {
    throw base::Error(base::ExitCode::kUsage, "a worker needs --job, or a host that tells it through --host-fd");
  }
  ::prctl(PR_SET_NAME, "jobhost-worker");  // it may be a copy of another process
  // A worker that is suspended when its host dies goes on, and sees that.
  if (options.supervisor.host_fd >= 0) ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  if (options.in_group) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  worker::forbid_core_dumps();
  Signals::install();
  options.supervisor.patience_ns = static_cast<std::uint64_t>(options.patience * 1e9);
  options.supervisor.threads = options.mode == "threads";
  std::unique_ptr<store::Doorbell> doorbell;
  if (options.doorbell_fd >= 0) doorbell = std::make_unique<store::Doorbell>(options.doorbell_fd);
  const auto launcher = [&](const worker::Plan& plan) {
    return std::make_unique<worker::ProcessLauncher>(
        session.env, Session::libexec(), std::vector<int>{plan.doorbell_fd, plan.mailbox_fd}, options.arguments);
  };
  if (options.jitter_ms > 0) {
    std::uint32_t chance = 0;
    session.env.random(&chance, sizeof chance);
    session.env.sleep_ns(chance % options.jitter_ms * 1'000'000ull);
  }
  try {
    worker::Supervisor supervisor(session.env, options.supervisor, doorbell.get(), base::Log::to_stderr(),
                                  Signals::requests, launcher);
    supervisor.run();
  } catch (const base::Error& error) {
    if (doorbell) {
      doorbell->complain(static_cast<int>(error.code()),
                         std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint()));
    }
    throw;
  } catch (const std::exception& error) {
    const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error);
    const std::string what = no_memory ? "out of memory" : error.what();
    if (doorbell) {
      doorbell->complain(static_cast<int>(base::ExitCode::kBackendFailed),
                         "the worker cannot go on: " + what + "\nis there a limit? see ulimit -a");
    }
    throw;
  }
}

/// As one of those that a launcher started, which ends all of them when one ends with another code than 0.
void work_in_group(Session& session, WorkerOptions options) {
  try {
    work(session, std::move(options));
  } catch (const std::exception& error) {
    session.say(std::string("error: ") + error.what());
  }
}

}  // namespace

void add_worker_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<WorkerOptions>();
  auto* command = app.add_subcommand("worker", "Work on a job: what every backend starts; safe to start by hand");
  command->group("Internal");
  auto* job = command->add_option("--job", options->supervisor.job_directory, "The job's directory");
  auto* manifest = command->add_option("--manifest", options->supervisor.manifest_sha256, "SHA-256 of its MANIFEST");
  job->needs(manifest);
  manifest->needs(job);
  command->add_option("--mode", options->mode, "processes or threads")
      ->check(CLI::IsMember({"processes", "threads"}))
      ->capture_default_str();
  command->add_option("--lanes", options->supervisor.lanes, "Tasks computed at the same time")
      ->check(CLI::Range(1u, worker::kMaxLanes))
      ->capture_default_str();
  command->add_option("--host-fd", options->supervisor.host_fd,
                      "Stop when the other end of this pipe closes; without --job it names the job");
  command->add_option("--doorbell-fd", options->doorbell_fd, "Shared page to ring when results are committed");
  command->add_option("--jitter", options->jitter_ms, "Begin within so many milliseconds, at random");
  command->add_flag("--in-group", options->in_group, "End with the parent, and with code 0 whatever happens");
  command->add_option("--mailbox-fd", options->supervisor.mailbox_fd, "Memory with an open job's tasks");
  command
      ->add_option(
          "--patience", options->patience,
          "Seconds to wait for the job's files to be seen on this machine, unless a host is told of by --host-fd")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_option("arguments", options->arguments, "Without --job: the submission's command line, as far as known")
      ->type_name("WORD");
  command->callback([&session, options] { (options->in_group ? work_in_group : work)(session, *options); });
}

}  // namespace jobhost::cli
