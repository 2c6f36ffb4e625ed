#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/document.hpp"
#include "cli/job_names.hpp"
#include "cli/session.hpp"
#include "cli/session_target.hpp"
#include "cli/task_words.hpp"
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

std::string text_of(base::Env& env, const std::string& path, const store::PrintedPart& part) {
  const auto file = base::File::open_if_exists(env, path, O_RDONLY | O_NOFOLLOW);
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
                            const std::string text = text_of(session.env, path, part);
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
  std::vector<std::string> words = {"gdb"};
  for (const std::string& command :
       {std::string("set breakpoint pending on"), "break " + name, std::string("catch throw"), std::string("run")}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.insert(words.end(), {"--args", program});
  if (!arguments.empty()) words.insert(words.end(), arguments.begin() + 1, arguments.end());
  return words;
}

/// Becomes an executor that runs one task with the terminal as its output, or gdb around one.
void replay(Session& session, const DebugOptions& options) {
  const auto [job, task] = open_task(session, options.task);
  const auto& manifest = job.manifest;
  const worker::Plan plan = plan_of(session, job);
  const worker::ControlMemory control(1, plan);
  ::fcntl(control.fd(), F_SETFD, 0);
  session.say(manifest.kernel.name + ": " + TaskWords(session.env, job).inputs_of(task));

  const std::string program = Session::libexec() + "/jobhost-executor";
  auto [words, environment] = worker::surroundings_of(manifest.context, plan);
  std::vector<std::string> orders = {std::to_string(control.fd()), "replay", std::to_string(task)};
  if (options.gdb) {
    words = debugger(manifest, program, words);
    orders.emplace_back("again");  // gdb has variables of its own; they are borne with
  }
  environment.push_back(worker::orders_variable(orders));
  std::vector<char*> arguments, variables;
  for (auto& word : words) arguments.push_back(word.data());
  for (auto& variable : environment) variables.push_back(variable.data());
  arguments.push_back(nullptr);
  variables.push_back(nullptr);
  std::fflush(nullptr);
  const std::string started = options.gdb ? "gdb" : program;
  ::execvpe(started.c_str(), arguments.data(), variables.data());
  throw base::Error(base::ExitCode::kBackendFailed, "cannot start " + started + ": " + std::strerror(errno),
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
  add_task_option(*replay_command, options->task);
  replay_command->add_flag("--gdb", options->gdb, "In gdb, stopped where the kernel begins and where it throws");
  replay_command->callback([&session, options] { replay(session, *options); });
  replay_command->footer("Prints the result. Nothing is written to the job. A crash is a crash of this process.");
}

}  // namespace jobhost::cli
