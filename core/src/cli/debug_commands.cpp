#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/beneath.hpp"
#include "cli/capsule.hpp"
#include "cli/document.hpp"
#include "cli/job_names.hpp"
#include "cli/session.hpp"
#include "cli/session_target.hpp"
#include "cli/task_words.hpp"
#include "host/named_files.hpp"
#include "store/printed.hpp"
#include "worker/control.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct DebugOptions {
  std::string task = "@last";
  bool json = false, gdb = false;
};

std::string text_of(base::Env& env, const store::JobDirectory& job, const std::string& path,
                    const store::PrintedPart& part) {
  const auto file = base::open_beneath_if_exists(env, job.path(), path, O_RDONLY);
  if (!file || part.offset > file->size()) return "";
  std::string text(std::min(part.length, file->size() - part.offset), '\0');
  text.resize(file->read_at(part.offset, {reinterpret_cast<unsigned char*>(text.data()), text.size()}));
  return text;
}

std::string tasks_of(const store::PrintedPart& part) {
  if (part.count == 1) return "task " + std::to_string(part.first);
  return "tasks " + std::to_string(part.first) + " to " + std::to_string(part.first + part.count - 1);
}

/// What a task printed, or all tasks of a job.
void logs(Session& session, const DebugOptions& options) {
  const bool one = names_task(session, options.task);
  const TaskOfJob chosen = one ? open_task(session, options.task) : TaskOfJob{open_job(session, options.task), 0};
  Json parts = Json::array();
  bool any = false;
  store::for_each_printed(session.env, chosen.job.directory,
                          [&](const std::string& path, const store::PrintedPart& part) {
                            if (one && (chosen.task < part.first || chosen.task - part.first >= part.count)) return;
                            any = true;
                            const std::string text = text_of(session.env, chosen.job.directory, path, part);
                            if (options.json) {
                              parts.push_back({{"first", part.first}, {"count", part.count}, {"text", text}});
                              return;
                            }
                            if (!one || part.count > 1) session.say("-- " + tasks_of(part));
                            std::fflush(stdout);
                            std::fwrite(text.data(), 1, text.size(), stdout);
                            if (!text.empty() && text.back() != '\n') std::putchar('\n');
                            std::fflush(stdout);
                          });
  if (options.json) return print_document({{"job", chosen.job.manifest.job}, {"printed", std::move(parts)}});
  if (any) return;
  session.say(one ? "task " + std::to_string(chosen.task) + " printed nothing" : "no task printed anything");
  if (chosen.job.manifest.backend == "threads" && chosen.job.manifest.workers > 1) {
    session.say("(threads share one output, which is kept in '" + chosen.job.directory.printed() + "')");
  }
}

/// Runs the program in gdb; argv[0] is then its own.
std::vector<std::string> debugger(const bundle::Manifest& manifest, const std::string& program,
                                  const std::vector<std::string>& arguments) {
  const std::string name = manifest.kernel.name.substr(0, manifest.kernel.name.find('('));
  std::vector<std::string> words = {"gdb", "-q"};
  for (const std::string& command :
       {std::string("set breakpoint pending on"), "break " + name, std::string("catch throw"), std::string("run")}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.insert(words.end(), {"--args", program});
  if (!arguments.empty()) words.insert(words.end(), arguments.begin() + 1, arguments.end());
  return words;
}

/// A program with its arguments and its environment.
struct Program {
  std::string path;  // or a name that PATH leads to
  std::vector<std::string> words, environment;

  /// Becomes it. Returns only when that fails, with errno.
  void become() {
    std::vector<char*> arguments, variables;
    for (auto& word : words) arguments.push_back(word.data());
    for (auto& variable : environment) variables.push_back(variable.data());
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    ::signal(SIGXFSZ, SIG_DFL);
    ::execvpe(path.c_str(), arguments.data(), variables.data());
  }
};

/// Signals that ask this process to end wait from here on, for the rest of its life: there is something to remove.
class HeldSignals {
 public:
  HeldSignals() {
    ::signal(SIGCHLD, SIG_DFL);
    ::sigemptyset(&held_);
    for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&held_, signal);
    ::sigprocmask(SIG_BLOCK, &held_, &before_);
  }

  /// Runs the program as if this process had become it: what the terminal sends reaches both and ends only the program;
  /// signals of other processes are passed on. Returns what waitpid says.
  int run(Program& program) const {
    siginfo_t sent{};
    const timespec now{};
    if (const int signal = ::sigtimedwait(&held_, &sent, &now); signal > 0 && signal != SIGCHLD) {
      throw base::Error(static_cast<base::ExitCode>(128 + signal), "interrupted");
    }
    const pid_t child = ::fork();
    if (child < 0) base::throw_file_error(-errno, "start", program.path);
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::sigprocmask(SIG_SETMASK, &before_, nullptr);
      program.become();
      std::fprintf(stderr, "error: cannot start %s: %s\n", program.path.c_str(), std::strerror(errno));
      ::_exit(static_cast<int>(base::ExitCode::kBackendFailed));
    }
    for (int status = 0;;) {
      if (::waitpid(child, &status, WNOHANG) == child) return status;
      const int signal = ::sigwaitinfo(&held_, &sent);
      if (signal > 0 && signal != SIGCHLD && sent.si_code <= 0) ::kill(child, signal);  // it is from a process
    }
  }

 private:
  sigset_t held_{}, before_{};
};

/// Ends this process as another one ended.
[[noreturn]] void end_by(int signal) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::_exit(128 + signal);
}

/// Where a capsule's task runs when its working directory is not there.
std::string moved_here(const Session& session, bundle::Manifest manifest) {
  const std::string gone = manifest.context.working_directory;
  manifest.context.working_directory = std::filesystem::current_path();
  session.say("the working directory '" + gone + "' does not exist here; the task runs in '" +
              manifest.context.working_directory + "'");
  return bundle::to_json(manifest);
}

/// Becomes an executor that runs one task with the terminal as its output, or gdb around one. With a capsule, waits for
/// it.
void replay(Session& session, const DebugOptions& options) {
  std::optional<HeldSignals> signals;
  std::optional<Capsule> capsule;
  if (options.task.ends_with(".tar") && !base::exists(session.env, options.task)) {
    throw base::Error(base::ExitCode::kUsage, "there is no file '" + options.task + "'");
  }
  if (names_capsule(session.env, options.task)) {
    signals.emplace();
    capsule.emplace(session.env, options.task);
  }
  const TaskOfJob chosen = capsule ? TaskOfJob{capsule->job(), 0} : open_task(session, options.task);
  const host::Job& job = chosen.job;
  const auto& manifest = job.manifest;
  worker::Plan plan = plan_of(session, job);
  const bool moved = capsule && !base::exists(session.env, manifest.context.working_directory + "/.");
  if (moved) {
    plan.manifest_json = moved_here(session, manifest);
  }
  const worker::ControlMemory control(1, plan);
  ::fcntl(control.fd(), F_SETFD, 0);
  session.say(manifest.kernel.name + ": " + TaskWords(session.env, job).inputs_of(chosen.task));
  const auto names = host::names_of_task(session.env, job, chosen.task);
  for (const auto& sentence :
       host::changed_files(session.env, manifest, &names, moved ? "" : manifest.context.working_directory)) {
    session.say("note: " + sentence);
  }

  Program program{Session::libexec() + "/jobhost-executor", {}, {}};
  auto surroundings = worker::surroundings_of(manifest.context, plan);
  program.words = std::move(surroundings.arguments);
  program.environment = std::move(surroundings.environment);
  std::vector<std::string> orders = {std::to_string(control.fd()), "replay", std::to_string(chosen.task)};
  if (options.gdb) {
    program.words = debugger(manifest, program.path, program.words);
    program.path = program.words[0];
    orders.emplace_back("again");  // gdb has variables of its own; they are borne with
  }
  program.environment.push_back(worker::orders_variable(orders));
  std::fflush(nullptr);
  if (capsule) {
    const int status = signals->run(program);
    capsule.reset();
    if (WIFSIGNALED(status)) end_by(WTERMSIG(status));
    session.exit_code = WEXITSTATUS(status);
    return;
  }
  program.become();
  throw base::Error(base::ExitCode::kBackendFailed, "cannot start " + program.path + ": " + std::strerror(errno),
                    options.gdb ? "install gdb" : "");
}

}  // namespace

void add_debug_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<DebugOptions>();
  auto* logs_command = app.add_subcommand("logs", "What a task printed, or every task of a job");
  logs_command->add_option("task", options->task, "A task as in @last/3, or a job")->type_name("JOB[/TASK]");
  logs_command->add_flag("--json", options->json, "Print one JSON document");
  logs_command->callback([&session, options] { logs(session, *options); });
  auto* replay_command = app.add_subcommand("replay", "Run one task again, here, with the job's code and context");
  replay_command->add_option("task", options->task, "A job and the number of a task: @last/3; or a capsule")
      ->type_name("JOB/TASK|CAPSULE")
      ->required();
  replay_command->add_flag("--gdb", options->gdb, "In gdb, stopped where the kernel begins and where it throws");
  replay_command->callback([&session, options] { replay(session, *options); });
  replay_command->footer("Prints the result. Nothing is written to the job. A crash is a crash of this process.");
}

}  // namespace jobhost::cli
