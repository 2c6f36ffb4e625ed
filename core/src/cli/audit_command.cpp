#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/document.hpp"
#include "cli/follow.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/run_options.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "cli/task_words.hpp"
#include "host/merged_stream.hpp"
#include "schema/value.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShown = 10;

struct AuditOptions {
  std::string job = "@last";
  std::string sample = "1%";
  BackendOptions backend;
  std::uint64_t seed = 0;
  bool seed_given = false;
  bool json = false;
};

/// "1%" or "20" of `done` tasks: at least one, at most all.
std::uint64_t sample_size(const std::string& word, std::uint64_t done) {
  const char* const begin = word.data();
  const char* const end = begin + word.size();
  double percent = 0;
  std::uint64_t count = 0;
  if (word.ends_with('%')) {
    const auto read = std::from_chars(begin, end - 1, percent);
    if (read.ec == std::errc() && read.ptr == end - 1 && percent > 0 && percent <= 100) {
      count = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(done)));
      return std::clamp<std::uint64_t>(count, 1, done);
    }
  } else {
    const auto read = std::from_chars(begin, end, count);
    if (read.ec == std::errc() && read.ptr == end && count > 0) return std::min(count, done);
  }
  throw base::Error(base::ExitCode::kUsage, "--sample is a number of tasks or a percentage, not '" + word + "'",
                    "write 20 or 1%");
}

/// So many of the numbers below `n`, ascending: Floyd's algorithm (Bentley, "Programming Pearls: A Sample of
/// Brilliance", 1987), on a generator that is the same everywhere.
std::set<std::uint64_t> chosen_of(std::uint64_t n, std::uint64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::set<std::uint64_t> chosen;
  for (std::uint64_t i = n - count; i < n; ++i) {
    const auto drawn = static_cast<std::uint64_t>((static_cast<unsigned __int128>(random()) * (i + 1)) >> 64);
    if (!chosen.insert(drawn).second) chosen.insert(i);
  }
  return chosen;
}

std::vector<std::uint64_t> sample_of(const host::ResultStream& stream, std::uint64_t tasks, const std::string& size,
                                     std::uint64_t seed) {
  std::vector<std::uint64_t> sample;
  std::uint64_t skipped = 0, last = 0;  // tasks that are not done, before `last`
  const auto gaps = stream.seen().missing({0, tasks});
  auto gap = gaps.begin();
  for (std::uint64_t rank : chosen_of(stream.done(), sample_size(size, stream.done()), seed)) {
    for (last = rank + skipped; gap != gaps.end() && gap->first <= last; ++gap) {
      skipped += gap->size();
      last = rank + skipped;
    }
    sample.push_back(last);
  }
  return sample;
}

/// What came out of a task, to be compared and shown.
struct Outcome {
  base::Bytes result;
  host::Explanation failure;
  bool failed = false;

  bool same_as(const Outcome& other) const {
    if (failed != other.failed) return false;
    if (!failed) return result == other.result;
    return failure.kind == other.failure.kind && failure.type == other.failure.type &&
           failure.what == other.failure.what;
  }
  std::string in_words(const schema::Type& type) const {
    if (failed) return failure.kind + " " + failure.type + ": " + failure.what;
    std::string text;
    base::ByteReader reader(result);
    schema::append_json(type, reader, text);
    return text;
  }
  Json as_json(const schema::Type& type) const {
    if (failed) return {{"error", {{"kind", failure.kind}, {"type", failure.type}, {"what", failure.what}}}};
    return {{"result", Json::parse(in_words(type))}};
  }
};

Outcome outcome_of(host::ResultStream& stream, std::uint64_t task) {
  Outcome outcome;
  const host::Block* block = stream.find(task);
  if (!block) throw base::Error(base::ExitCode::kDamaged, "task " + std::to_string(task) + " is in no log");
  outcome.failed = block->failed;
  if (block->failed) {
    outcome.failure = host::Explainer::in_short(block->failure);
  } else {
    const auto value = bundle::value_at(block->results, 0);
    outcome.result.assign(value.begin(), value.end());
  }
  return outcome;
}

struct Difference {
  std::uint64_t task;
  Outcome then, now;
};

std::vector<Difference> compare(base::Env& env, const host::Job& job, const host::Job& repeat) {
  host::ResultStream before(env, job), after(env, repeat);
  before.read_all();
  after.read_all();
  std::vector<Difference> found;
  const auto& tasks = repeat.manifest.parent.tasks;
  for (std::uint64_t k = 0; k < tasks.size(); ++k) {
    Difference one{tasks[k], outcome_of(before, tasks[k]), outcome_of(after, k)};
    if (!one.then.same_as(one.now)) found.push_back(std::move(one));
  }
  return found;
}

void print(Session& session, const AuditOptions& options, const host::Job& job, const host::Job& repeat,
           const std::vector<Difference>& found) {
  const auto& type = job.manifest.kernel.result;
  const std::uint64_t compared = repeat.manifest.tasks, tasks = job.manifest.tasks;
  TaskWords words(session.env, job);
  if (options.json) {
    Json differences = Json::array();
    for (std::size_t i = 0; i < std::min(kShown, found.size()); ++i) {
      differences.push_back({{"task", found[i].task},
                             {"inputs", Json::parse(words.inputs_json(found[i].task))},
                             {"then", found[i].then.as_json(type)},
                             {"now", found[i].now.as_json(type)}});
    }
    return print_document({{"job", job.manifest.job},
                           {"tasks", tasks},
                           {"compared", compared},
                           {"different", found.size()},
                           {"seed", options.seed},
                           {"backend", repeat.manifest.backend},
                           {"differences", std::move(differences)},
                           {"audit", found.empty() ? Json() : Json(repeat.manifest.job)}});
  }
  std::printf("%llu %s of %llu compared, %s\n", static_cast<unsigned long long>(compared),
              compared == 1 ? "task" : "tasks", static_cast<unsigned long long>(tasks),
              found.empty() ? "all the same" : (std::to_string(found.size()) + " differ").c_str());
  for (std::size_t i = 0; i < std::min(kShown, found.size()); ++i) {
    std::printf("task %llu: %s\n  then: %s\n  now:  %s\n", static_cast<unsigned long long>(found[i].task),
                words.inputs_of(found[i].task).c_str(), found[i].then.in_words(type).c_str(),
                found[i].now.in_words(type).c_str());
  }
  if (found.size() > kShown) std::printf("and %zu more\n", found.size() - kShown);
}

void discard(Session& session, const host::Job& job) {
  session.env.remove(job.directory.manifest());
  base::remove_tree(session.env, job.directory.path());
}

void audit(Session& session, AuditOptions options) {
  Signals::install();
  const host::Job job = open_job(session, options.job);
  const auto& manifest = job.manifest;
  const backend::Choice backend =
      choice_of(session.env, options.backend, {manifest.backend == "threads" ? "processes" : "threads"});
  if (manifest.isolate_globals && backend.name == "threads") {
    if (options.backend.lanes > 1) {
      throw base::Error(base::ExitCode::kUsage, "the job isolates globals, which threads share",
                        "use one lane (-j 1), or -b processes");
    }
    options.backend.lanes = 1;
  }
  if (!options.seed_given) session.env.random(&options.seed, 4);
  std::vector<std::uint64_t> sample;
  {
    host::ResultStream stream(session.env, job);
    stream.read_all();
    sample_size(options.sample, 1);
    if (stream.done() == 0) {
      throw base::Error(base::ExitCode::kUsage,
                        "no task of job " + manifest.job + " is done: there is nothing to audit");
    }
    sample = sample_of(stream, manifest.tasks, options.sample, options.seed);
  }
  store::Store store = session.store();
  const host::Job repeat = host::resubmit(session.env, store, job, sample, "", session.command,
                                          {backend.name,
                                           options.backend.lanes,
                                           host::audit_label(manifest.job),
                                           {},
                                           true,
                                           backend.options,
                                           backend.auto_resubmit});
  session.say("running " + count_of(sample.size(), "task") + " of job " + manifest.job + " again on " + backend.name +
              " (--seed " + std::to_string(options.seed) + ")");
  say_changed_files(session, job, &repeat);
  FollowOptions how;
  how.start = FollowOptions::Workers{choice_of(repeat.manifest), repeat.manifest.workers};
  how.rows = false;
  const int code = follow(session, repeat, how);
  if (code > static_cast<int>(base::ExitCode::kTasksFailed)) {
    discard(session, repeat);
    session.exit_code = code;
    return;
  }
  const auto found = compare(session.env, job, repeat);
  print(session, options, job, repeat, found);
  session.exit_code = found.empty() ? 0 : 1;
  if (found.empty()) return discard(session, repeat);
  session.say("kept for a closer look: job " + call_by_id(session, repeat.manifest.job));
}

}  // namespace

void add_audit_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<AuditOptions>();
  auto* command = app.add_subcommand("audit", "Run a random sample of a job's tasks again elsewhere, and compare");
  add_job_option(*command, options->job);
  command->add_option("--sample", options->sample, "So many of the tasks that are done, at least one")
      ->type_name("N|P%")
      ->capture_default_str();
  auto* seed = command->add_option("--seed", options->seed, "Choose the same tasks as another audit")->type_name("N");
  add_backend_options(*command, options->backend, "threads after processes, else processes", "as many as the job had");
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([&session, options, seed] {
    options->seed_given = seed->count() > 0;
    audit(session, *options);
  });
  command->footer("Results are compared byte by byte, failures by kind, type and message. Exit code 1: some differ.");
}

}  // namespace jobhost::cli
