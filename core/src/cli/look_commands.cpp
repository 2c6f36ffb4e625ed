#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <map>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/row_output.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "report/table.hpp"
#include "schema/value.hpp"
#include "store/party.hpp"

namespace jobhost::cli {
namespace {

struct LookOptions {
  std::string job = "@last";
  bundle::Output output;
};

/// "done", "running", "cancelled" or "stopped".
std::string state_of(base::Env& env, const host::Job& job) {
  if (base::exists(env, job.directory.done())) return "done";
  const auto self = store::make_identity(env, "host");
  for (const auto& party : store::all_parties(env, job.directory)) {
    if (party.role != "worker") continue;
    const auto life = store::life_of(env, party, self);
    if (life == store::Life::kAlive) return "running";
    if (life == store::Life::kUnknown) return "running on " + party.hostname + "?";
  }
  return base::exists(env, job.directory.cancel()) ? "cancelled" : "stopped";
}

void list(Session& session) {
  store::Store store = session.store();
  std::vector<report::TableColumn> columns = {{"JOB"},        {"KERNEL"},       {"STATE"},   {"TASKS", true},
                                              {"DONE", true}, {"FAILED", true}, {"CREATED"}, {"LABEL"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& id : store.jobs()) {
    try {
      const host::Job job = host::open_job(session.env, store::JobDirectory(store.path() + "/" + id));
      host::ResultStream stream(session.env, job);
      stream.poll();
      rows.push_back({id, job.manifest.kernel.name, state_of(session.env, job), std::to_string(job.manifest.tasks),
                      std::to_string(stream.done()), std::to_string(stream.failed()), job.manifest.created,
                      job.manifest.label});
    } catch (const base::Error&) {
      rows.push_back({id, "", "damaged", "", "", "", "", ""});
    }
  }
  if (rows.empty()) return session.say("no jobs in '" + store.path() + "'");
  std::printf("%s\n", report::format_table(columns, rows, 0, true).c_str());
}

host::Job open(Session& session, const std::string& name) {
  store::Store store = session.store();
  return host::open_job(session.env, store.find(name));
}

void print_stack(const host::Explanation& words, const std::string& indent) {
  for (const auto& cause : words.causes) std::printf("%scaused by %s\n", indent.c_str(), cause.c_str());
  for (std::size_t i = 0; i < words.stack.size();) {
    std::size_t same = i;
    while (same < words.stack.size() && words.stack[same] == words.stack[i]) ++same;
    const std::string times = same - i > 1 ? "   (" + std::to_string(same - i) + " times)" : "";
    std::printf("%s  at %s%s\n", indent.c_str(), words.stack[i].c_str(), times.c_str());
    i = same;
  }
}

std::string headline(const host::Explanation& words) {
  std::string text = words.type.empty() ? words.kind : words.type;
  if (!words.what.empty()) text += ": " + words.what;
  if (!words.where.empty()) text += "   " + words.where;
  return text;
}

void show_task(Session& session, const host::Job& job, const std::string& number) {
  std::uint64_t task = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), task);
  if (error != std::errc() || *end != '\0' || task >= job.manifest.tasks) {
    throw base::Error(base::ExitCode::kUsage, "job " + job.manifest.job + " has no task '" + number + "'",
                      "its tasks are 0 to " + std::to_string(job.manifest.tasks - 1));
  }
  RowOutput words(session.env, job, {"", "jsonl"});
  std::printf("task %llu of job %s\n  %s\n  %s\n", static_cast<unsigned long long>(task), job.manifest.job.c_str(),
              job.manifest.kernel.signature.c_str(), words.inputs_of(task).c_str());
  host::ResultStream stream(session.env, job);
  stream.poll();
  while (const host::Block* block = stream.next_available()) {
    if (task < block->first || task >= block->first + block->count) continue;
    if (block->failed) {
      host::Explainer explainer(job);
      const auto failure = explainer.explain(block->failure, block->modules);
      std::printf("  failed after %u attempt%s: %s\n", block->attempts, block->attempts == 1 ? "" : "s",
                  headline(failure).c_str());
      print_stack(failure, "  ");
      return;
    }
    base::ByteReader reader(bundle::value_at(block->results, task - block->first));
    std::string text;
    schema::append_json(job.manifest.kernel.result, reader, text);
    std::printf("  result %s\n  took about %.3g s\n", text.c_str(), static_cast<double>(block->nanoseconds) * 1e-9);
    return;
  }
  std::printf("  not done yet\n");
}

void show(Session& session, const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash != std::string::npos && !base::exists(session.env, name + "/MANIFEST")) {
    return show_task(session, open(session, name.substr(0, slash)), name.substr(slash + 1));
  }
  const host::Job job = open(session, name);
  const auto& manifest = job.manifest;
  host::ResultStream stream(session.env, job);
  stream.poll();
  const auto line = [](const char* what, const std::string& text) {
    if (!text.empty()) std::printf("%-11s %s\n", what, text.c_str());
  };
  line("job", manifest.job);
  line("label", manifest.label);
  line("state", state_of(session.env, job));
  line("kernel", manifest.kernel.signature);
  line("source", manifest.kernel.file + ":" + std::to_string(manifest.kernel.line));
  line("tasks", fmt::format("{}: {} done, {} failed, {} ran twice", manifest.tasks, stream.done(), stream.failed(),
                            stream.duplicates()));
  line("created", manifest.created + " on " + manifest.hostname);
  line("backend", manifest.backend + " with " + std::to_string(manifest.workers) + " lanes");
  line("directory", job.directory.path());
  line("works in", manifest.working_directory);
  line("plugin", manifest.plugin.origin + "   build id " + manifest.plugin.build_id);
  for (const auto& library : manifest.libraries) line("library", library.origin + "   build id " + library.build_id);
  for (const auto& library : manifest.system_libraries)
    line("system", library.path + "   build id " + library.build_id);
  std::string command;
  for (const auto& word : manifest.command) command += (command.empty() ? "" : " ") + word;
  line("command", command);
}

/// Rows of all tasks that are done, whatever is missing between them.
void results(Session& session, const LookOptions& options) {
  Signals::install();
  const host::Job job = open(session, options.job);
  RowOutput rows(session.env, job, options.output);
  host::ResultStream stream(session.env, job);
  stream.poll();
  while (const host::Block* block = stream.next_available()) rows.write(*block);
  rows.finish();
  if (stream.done() < job.manifest.tasks) {
    session.say(std::to_string(stream.done()) + " of " + std::to_string(job.manifest.tasks) + " tasks are done");
  }
  session.exit_code = stream.failed() > 0 ? 1 : 0;
}

void errors(Session& session, const std::string& name) {
  const host::Job job = open(session, name);
  struct Group {
    host::Explanation first;
    std::vector<std::uint64_t> tasks;
    std::uint64_t count = 0;
  };
  std::map<std::string, Group> groups;
  host::Explainer explainer(job);
  host::ResultStream stream(session.env, job);
  stream.poll();
  while (const host::Block* block = stream.next_available()) {
    if (!block->failed) continue;
    const auto words = explainer.explain(block->failure, block->modules);
    Group& group = groups[words.kind + "\n" + words.type + "\n" + words.where];
    if (group.count++ == 0) group.first = words;
    if (group.tasks.size() < 5) group.tasks.push_back(block->first);
  }
  std::printf("%llu of %llu tasks failed\n", static_cast<unsigned long long>(stream.failed()),
              static_cast<unsigned long long>(job.manifest.tasks));
  RowOutput inputs(session.env, job, {"", "jsonl"});
  std::vector<const Group*> largest_first;
  for (const auto& [key, group] : groups) largest_first.push_back(&group);
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [](const Group* a, const Group* b) { return a->count > b->count; });
  for (const auto* group : largest_first) {
    std::printf("\n%llu x %s\n", static_cast<unsigned long long>(group->count), headline(group->first).c_str());
    print_stack(group->first, "    ");
    for (const auto task : group->tasks) {
      std::printf("    task %llu: %s\n", static_cast<unsigned long long>(task), inputs.inputs_of(task).c_str());
    }
    if (group->count > group->tasks.size()) {
      std::printf("    and %llu more\n", static_cast<unsigned long long>(group->count - group->tasks.size()));
    }
  }
  session.exit_code = stream.failed() > 0 ? 1 : 0;
}

}  // namespace

void add_look_commands(CLI::App& app, Session& session) {
  app.add_subcommand("ls", "List the jobs of the store")->callback([&session] { list(session); });
  auto options = std::make_shared<LookOptions>();
  const auto add = [&](const char* name, const char* what) {
    auto* command = app.add_subcommand(name, what);
    command->add_option("job", options->job, "Id, unique prefix, path, or @last (default)")->type_name("JOB");
    return command;
  };
  add("show", "Everything about a job, or about one task: JOB/TASK")->callback([&session, options] {
    show(session, options->job);
  });
  auto* results_command = add("results", "Print the results of a job so far");
  results_command->add_option("-o,--output", options->output.file, "Write rows to FILE (.csv, .jsonl, .json)");
  results_command->add_option("--format", options->output.format, "table, jsonl, csv or json")
      ->check(CLI::IsMember({"table", "jsonl", "csv", "json"}));
  results_command->callback([&session, options] { results(session, *options); });
  add("errors", "Group the failures of a job")->callback([&session, options] { errors(session, options->job); });
}

}  // namespace jobhost::cli
