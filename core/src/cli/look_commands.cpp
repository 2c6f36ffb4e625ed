#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/trust.hpp"
#include "base/utc.hpp"
#include "cli/captured_words.hpp"
#include "cli/context_words.hpp"
#include "cli/document.hpp"
#include "cli/job_document.hpp"
#include "cli/job_names.hpp"
#include "cli/node_table.hpp"
#include "cli/one_line.hpp"
#include "cli/progress.hpp"
#include "cli/provenance.hpp"
#include "cli/queue_words.hpp"
#include "cli/result_rows.hpp"
#include "cli/row_output.hpp"
#include "cli/session.hpp"
#include "cli/tables.hpp"
#include "cli/task_words.hpp"
#include "host/code.hpp"
#include "host/merged_stream.hpp"
#include "host/nodes.hpp"
#include "host/notes.hpp"
#include "host/reuse.hpp"
#include "report/failure_groups.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct LookOptions {
  std::string job = "@last";
  bool json = false, merged = false;
  bundle::Output output;
};

std::string label_of(const std::string& label, const std::string& parent) {
  if (parent.empty()) return label;
  return label + (label.empty() ? "" : ", ") + "repeats " + parent;
}

void list(Session& session, const LookOptions& options) {
  const Json document = jobs_document(session);
  if (options.json) return print_document(document);
  if (document["jobs"].empty()) return session.say("no jobs in '" + session.store().path() + "'");
  const std::vector<report::TableColumn> columns = {{"JOB"},
                                                    {"KERNEL", false, 0, true},
                                                    {"STATE"},
                                                    {"TASKS", true},
                                                    {"SUCCEEDED", true},
                                                    {"FAILED", true},
                                                    {"CREATED"},
                                                    {"LABEL"}};
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> reasons;  // why some cannot be read
  for (const auto& job : document["jobs"]) {
    const std::string id = job["job"], state = job["state"];
    if (job.contains("error")) {
      rows.push_back({id, "", state, "", "", "", "", ""});
      reasons.push_back("job " + id + " is " + state + ": " + std::string(job["error"]) +
                        "; what to do: jobhost show " + call_by_id(session, id));
      continue;
    }
    const std::uint64_t done = job["done"], failed = job["failed"];
    rows.push_back({id, job["kernel"], state, std::to_string(std::uint64_t(job["tasks"])),
                    std::to_string(done - failed), std::to_string(failed), job["created"],
                    label_of(job["label"], job["parent"])});
  }
  print_table(columns, rows);
  std::fflush(stdout);
  for (const auto& reason : reasons) session.say(reason);
}

/// Of many calls within libraries only the outermost is of interest: what the user's own line called.
void print_library_calls(const std::vector<host::Explanation::Call>& calls, const std::string& indent) {
  constexpr std::size_t kFew = 2, kLong = 200;
  const std::size_t folded = calls.size() > kFew ? calls.size() - 1 : 0;
  if (folded > 0) std::printf("%s  at %zu calls within libraries\n", indent.c_str(), folded);
  for (std::size_t i = folded; i < calls.size(); ++i) {
    std::printf("%s  at %s\n", indent.c_str(), one_line(host::shortened(calls[i].text, kLong)).c_str());
  }
}

void print_stack(const host::Explanation& words, const std::string& indent) {
  for (const auto& cause : words.causes)
    std::printf("%scaused by %s\n", indent.c_str(), one_line(cause.type + ": " + cause.what).c_str());
  const auto& stack = words.stack;
  const bool any_users = std::any_of(stack.begin(), stack.end(), [](const auto& call) { return call.users; });
  for (std::size_t i = 0; i < stack.size();) {
    std::size_t end = i;
    if (stack[i].users || !any_users) {
      while (end < stack.size() && stack[end] == stack[i]) ++end;
      const std::string times = end - i > 1 ? "   (" + std::to_string(end - i) + " times)" : "";
      std::printf("%s  at %s%s\n", indent.c_str(), one_line(stack[i].text).c_str(), times.c_str());
    } else {
      while (end < stack.size() && !stack[end].users) ++end;
      print_library_calls({stack.begin() + i, stack.begin() + end}, indent);
    }
    i = end;
  }
}

std::string with_place(const std::string& headline, const host::Explanation& words) {
  return one_line(headline + (words.where.empty() ? "" : "   " + words.where));
}

/// One task: its inputs, and what became of it.
void show_task(Session& session, const LookOptions& options) {
  const auto [job, task] = open_task(session, options.job);
  const auto& kernel = job.manifest.kernel;
  TaskWords words(session.env, job);
  host::ResultStream stream(session.env, job);
  stream.read_all();
  const host::Block* block = stream.find(task);
  if (!block) say_damage(session, job, stream.damage());
  Json document = {{"job", job.manifest.job}, {"task", task}, {"inputs", Json::parse(words.inputs_json(task))}};
  std::string text;
  host::Explanation failure;
  if (block) {
    document["attempts"] = block->attempts;
    document["seconds"] = static_cast<double>(block->nanoseconds) * 1e-9;
  }
  if (block && block->failed) {
    failure = host::Explainer(session.env, job).explain(block->failure, block->modules);
    document["error"] = to_json(failure);
  } else if (block) {
    base::ByteReader reader(bundle::value_at(block->results, 0));
    schema::append_json(kernel.result, reader, text);
    document["result"] = Json::parse(text);
  }
  if (options.json) return print_document(document);
  std::printf("task %llu of job %s\n  %s\n  %s\n", static_cast<unsigned long long>(task), job.manifest.job.c_str(),
              kernel.signature.c_str(), words.inputs_of(task).c_str());
  if (!block) {
    std::printf("  not done yet\n");
  } else if (block->failed) {
    std::printf("  failed after %u attempt%s: %s\n", block->attempts, block->attempts == 1 ? "" : "s",
                with_place(host::headline(failure), failure).c_str());
    print_stack(failure, "  ");
  } else {
    std::printf("  result %s\n  took about %s\n", text.c_str(),
                task_duration_text(static_cast<double>(block->nanoseconds) * 1e-9).c_str());
  }
}

void show(Session& session, const LookOptions& options) {
  if (names_task(session, options.job)) return show_task(session, options);
  const host::Job job = open_job(session, options.job);
  const auto& manifest = job.manifest;
  host::ResultStream stream(session.env, job);
  stream.read_all();
  const std::string state = state_of(session.env, job, stream);
  const auto damage = works(state) ? std::vector<std::string>() : stream.damage();
  if (options.json) return print_document(job_document(session.env, job, state, stream, damage, session.verbose));
  const auto line = [](const char* what, const std::string& text) {
    if (!text.empty()) std::printf("%-11s %s\n", what, base::printable(text).c_str());
  };
  line("job", manifest.job);
  line("label", manifest.label);
  line("state", state);
  line("kernel", manifest.kernel.signature);
  line("source", manifest.kernel.file + ":" + std::to_string(manifest.kernel.line));
  line("tasks", fmt::format("{}: {}", manifest.tasks, tally(stream, manifest.tasks)));
  line("created", manifest.created + " on " + manifest.hostname);
  line("backend", manifest.backend + " with " + count_of(manifest.workers, "lane"));
  if (const auto queue = queue_of(session.env, job, state)) line("queue", queue_in_words(*queue));
  std::string limits = std::to_string(manifest.retries) + (manifest.retries == 1 ? " retry" : " retries");
  if (manifest.timeout_ms > 0)
    limits += fmt::format(", {:g} s per task", static_cast<double>(manifest.timeout_ms) * 1e-3);
  if (manifest.memory > 0)
    limits += fmt::format(", {:g} MiB per task", static_cast<double>(manifest.memory) / (1 << 20));
  line("per task", limits);
  const auto descriptions = host::descriptions_of(session.env, job);
  for (const auto& global : host::captured_globals(manifest, descriptions)) {
    line("global",
         global.name + (global.library.empty() ? "" : " in " + global.library) + " = " + value_in_words(global));
  }
  if (manifest.isolate_globals) line("isolated", "globals have captured values again before every task");
  line("init", init_in_words(manifest, descriptions));
  line("seed", seed_of(manifest));
  if (manifest.reused) {
    line("reused", fmt::format("{} of {} results are those of earlier jobs", host::reused_tasks(session.env, job),
                               manifest.tasks));
  }
  if (!manifest.parent.job.empty()) line("repeats", "tasks of job " + manifest.parent.job);
  line("directory", job.directory.path());
  line("plugin", manifest.plugin.origin + "   build id " + manifest.plugin.build_id);
  const std::string built_by = host::built_by(session.env, job);
  line("built by", built_by.empty() ? manifest.provenance.compiler : built_by);
  for (const auto& library : manifest.libraries) line("library", library.origin + "   build id " + library.build_id);
  for (const auto& library : manifest.system_libraries) {
    line("system", library.path + "   build id " + library.build_id);
  }
  const auto& provenance = manifest.provenance;
  line("commit", provenance.commit + (provenance.dirty ? ", with uncommitted changes" : ""));
  for (const auto& [what, text] : context_in_words(manifest.context)) line(what.c_str(), text);
  line("processor", provenance.processor);
  line("platform", provenance.system);
  for (const auto& file : provenance.files) line("input", file.path + "   SHA-256 " + file.sha256);
  line("command", shell_line(manifest.command));
  for (const auto& note : host::notes_of(session.env, job)) line("note", note);
  const auto nodes = host::nodes_of(session.env, job, stream);
  bool any_refused = false;
  for (const auto& node : nodes) {
    if (!node.refusals) continue;
    any_refused = true;
    line("refused", host::in_words(*node.refusals));
  }
  for (const auto& sentence : damage) line("damaged", sentence);
  if (state == "damaged" || !damage.empty()) line("damaged", "more about it: jobhost verify " + job.called);
  if (nodes.size() > 1 || any_refused || session.verbose) {
    print_nodes(nodes, session.env.wall_ns(), session.verbose);
  }
}

/// Rows of all tasks that are done, whatever is missing between them.
void results(Session& session, const LookOptions& options) {
  const host::Job job = open_job(session, options.job);
  bundle::Output output = options.output;
  output.file = base::absolute_path(output.file);
  if (options.json) output.format = "document";
  check_output(session.env, output);
  const auto written = write_results(session, job, output, options.merged);
  if (output.file.empty()) return;
  session.say("wrote " + output.file + ": " + in_words(written));
  const auto missing = written.jobs[0].manifest.tasks - written.rows + written.failed;
  for (const auto& sentence : {left_out_words(job, output), fill_in_words(output, missing)}) {
    if (!sentence.empty()) session.say(sentence);
  }
}

struct Failures {
  report::FailureGroups groups;
  std::uint64_t count = 0;

  void add(const host::Block& block, host::Explainer& explainer) {
    groups.add(block.first, explainer.explain(block.failure, block.modules));
    ++count;
  }
};

Failures own_failures(Session& session, const host::Job& job) {
  Failures failures;
  host::ResultStream stream(session.env, job);
  stream.read_all();
  host::Explainer explainer(session.env, job);
  while (const host::Block* block = stream.next_available()) {
    if (block->failed) failures.add(*block, explainer);
  }
  session.exit_code = failures.count > 0 ? 1 : 0;
  say_damage(session, job, stream.damage());
  return failures;
}

/// Those of tasks that failed the last time they were tried.
Failures merged_failures(Session& session, const host::Job& job) {
  Failures failures;
  host::MergedStream stream(session.env, job);
  for (const auto& sentence : stream.left_out()) session.say(sentence);
  std::map<const host::Job*, host::Explainer> explainers;
  while (const host::Block* block = stream.next()) {
    if (!block->failed) continue;
    failures.add(*block, explainers.try_emplace(&stream.source(), session.env, stream.source()).first->second);
  }
  session.exit_code = failures.count > 0 ? 1 : 0;
  stream.each_source([&](const host::Job& each, host::ResultStream& own) { say_damage(session, each, own.damage()); });
  return failures;
}

void errors(Session& session, const LookOptions& options) {
  host::Job job = open_job(session, options.job);
  if (options.merged) job = first_of(session, std::move(job));
  const auto [groups, failed] = options.merged ? merged_failures(session, job) : own_failures(session, job);
  if (options.json) {
    Json list = Json::array();
    for (const std::size_t number : groups.largest_first()) list.push_back(to_json(groups.groups()[number]));
    return print_document(
        {{"job", job.manifest.job}, {"tasks", job.manifest.tasks}, {"failed", failed}, {"groups", std::move(list)}});
  }
  std::printf("%llu of %s failed\n", static_cast<unsigned long long>(failed),
              count_of(job.manifest.tasks, "task").c_str());
  TaskWords inputs(session.env, job);
  for (const std::size_t number : groups.largest_first()) {
    const report::FailureGroup& group = groups.groups()[number];
    std::printf("\n%llu x %s\n", static_cast<unsigned long long>(group.count),
                with_place(headline(group), group.first).c_str());
    print_stack(group.first, "    ");
    for (const auto task : group.tasks) {
      std::printf("    task %llu: %s\n", static_cast<unsigned long long>(task), inputs.inputs_of(task).c_str());
    }
    if (group.count > group.tasks.size()) {
      std::printf("    and %llu more\n", static_cast<unsigned long long>(group.count - group.tasks.size()));
    }
  }
  if (groups.left_out() > 0) {
    std::printf("\n%llu failures of further kinds\n", static_cast<unsigned long long>(groups.left_out()));
  }
}

}  // namespace

void add_look_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<LookOptions>();
  const auto add = [&](const char* name, const char* what, void (*run)(Session&, const LookOptions&)) {
    auto* command = app.add_subcommand(name, what);
    command->add_flag("--json", options->json, "Print one JSON document");
    command->callback([&session, options, run] { run(session, *options); });
    return command;
  };
  add("ls", "List the jobs of the store", &list);
  add_job_option(*add("show", "Everything about a job, or about one task: JOB/TASK", &show), options->job);
  auto* results_command = add("results", "Print the results of a job so far", &results);
  add_job_option(*results_command, options->job);
  results_command->add_flag("--merged", options->merged,
                            "The latest of each task, retries included; rows say which code they come from");
  add_output_options(*results_command, options->output);
  auto* errors_command = add("errors", "Group the failures of a job", &errors);
  add_job_option(*errors_command, options->job);
  errors_command->add_flag("--merged", options->merged, "Of tasks that failed the last time, retries included");
}

}  // namespace jobhost::cli
