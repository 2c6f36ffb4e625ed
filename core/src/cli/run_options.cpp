#include "cli/run_options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "build/plugin_builder.hpp"
#include "cli/job_names.hpp"
#include "cli/one_of.hpp"
#include "cli/output_target.hpp"
#include "cli/row_output.hpp"
#include "cli/session_target.hpp"
#include "cli/signals.hpp"
#include "host/named_files.hpp"
#include "host/workers.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

template <class T>
bool parse_number(std::string_view word, T& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

std::uint64_t chunk_of(const std::string& word) {
  std::uint64_t size = 0;
  if (word == "auto") return 0;
  if (parse_number(word, size) && size > 0) return size;
  throw base::Error(base::ExitCode::kUsage, "--chunk is 'auto' or a number of tasks, not '" + word + "'");
}

/// Bytes: "500M", "2G", "1000000"; units are powers of 1024.
std::uint64_t size_of(const std::string& word) {
  constexpr std::string_view kUnits = "KMGT";
  std::string_view digits = word;
  unsigned shift = 0;
  for (const std::string_view ending : {"iB", "B"}) {
    if (digits.ends_with(ending)) digits.remove_suffix(ending.size());
  }
  if (!digits.empty()) {
    const auto unit = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back()))));
    if (unit != std::string_view::npos) {
      shift = static_cast<unsigned>(10 * (unit + 1));
      digits.remove_suffix(1);
    }
  }
  std::uint64_t size = 0;
  if (parse_number(digits, size) && size > 0 && size <= UINT64_MAX >> (shift + 1)) return size << shift;
  throw base::Error(base::ExitCode::kUsage, "--mem is a size such as 500M or 2G, not '" + word + "'");
}

/// What a duration on the command line is refused for, "" when it is none of that.
std::string require_seconds(const std::string& word) {
  constexpr double kLeast = 0.001, kMost = 1e9;
  double seconds = 0;
  if (parse_number(word, seconds) && seconds >= kLeast && seconds <= kMost) return "";
  return "write a number of seconds from 0.001 to 1e9, as in 90 or 0.5, not '" + word + "'";
}

/// So many failed tasks end the job: "10", or "5%" of `tasks`.
std::uint64_t failures_allowed(const std::string& word, std::uint64_t tasks) {
  if (word.empty()) return UINT64_MAX;
  double percent = 0;
  std::uint64_t count = 0;
  if (word.ends_with('%') && parse_number(std::string_view(word).substr(0, word.size() - 1), percent) && percent > 0 &&
      percent <= 100) {
    return std::max<std::uint64_t>(1,
                                   static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(tasks))));
  }
  if (parse_number(word, count) && count > 0) return count;
  throw base::Error(base::ExitCode::kUsage, "--max-failures is a number of tasks or a percentage, not '" + word + "'",
                    "write 10 or 5%");
}

/// "lhs:100".
std::uint64_t points_of(const std::string& sample) {
  constexpr std::string_view kLatinHypercube = "lhs:";
  constexpr std::uint64_t kMost = 100'000'000;  // they are stored
  std::uint64_t points = 0;
  if (sample.starts_with(kLatinHypercube) &&
      parse_number(std::string_view(sample).substr(kLatinHypercube.size()), points) && points > 0 && points <= kMost) {
    return points;
  }
  throw base::Error(base::ExitCode::kUsage, "--sample is lhs:N with 1 to 100000000 points, not '" + sample + "'",
                    "write --sample lhs:100 x=0:1 y=-2:2");
}

/// The NAME=… words of all forms in the order in which they were typed: the last one varies fastest.
std::vector<Assignment> assignments_of(const CLI::App& command, bool with_expression) {
  static const std::map<std::string, Assignment::Form> kForms = {{"inputs", Assignment::Form::kSpec},
                                                                 {"--linspace", Assignment::Form::kLinspace},
                                                                 {"--logspace", Assignment::Form::kLogspace},
                                                                 {"--common", Assignment::Form::kCommon}};
  std::map<const CLI::Option*, std::size_t> used;
  std::vector<Assignment> assignments;
  for (const CLI::Option* option : command.parse_order()) {
    // With --expr there is no target: the first word is an input, too.
    const auto form = kForms.find(with_expression && option->get_name() == "target" ? "inputs" : option->get_name());
    if (form == kForms.end()) continue;
    assignments.emplace_back(option->results().at(used[option]++), form->second);
  }
  return assignments;
}

/// Whether the kernel takes a seed, and repetitions have the one that was given.
bool takes_same_seeds(const bundle::Manifest& manifest) {
  for (const auto& axis : manifest.inputs.axes) {
    for (const auto& source : axis.sources) {
      if (is_seed(manifest.kernel.parameters[source.parameter])) {
        return !std::holds_alternative<bundle::Seeds>(source.values);
      }
    }
  }
  return false;
}

std::optional<RowFile> rows_of(const RunOptions& options) {
  if (!options.csv.empty()) return RowFile{options.csv, RowFile::Format::kCsv};
  if (!options.tsv.empty()) return RowFile{options.tsv, RowFile::Format::kTsv};
  if (!options.jsonl.empty()) return RowFile{options.jsonl, RowFile::Format::kJsonl};
  if (!options.npy.empty()) return RowFile{options.npy, RowFile::Format::kNpy};
  return std::nullopt;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> globals_of(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> globals;
  for (const auto& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw base::Error(base::ExitCode::kUsage, "--set wants GLOBAL=VALUE, not '" + word + "'");
    }
    globals.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return globals;
}

std::size_t colon_of(const std::string& target) {
  const std::size_t so = target.find(".so:");
  return so != std::string::npos ? so + 3 : target.find(':');
}

std::pair<std::string, std::string> split_target(const std::string& target) {
  const std::size_t colon = colon_of(target);
  if (target.empty()) {
    throw base::Error(base::ExitCode::kUsage, "there is nothing to run",
                      "write PLUGIN.so:KERNEL, FILE.cpp:KERNEL or --expr TEXT");
  }
  if (build::is_source(target) || target.ends_with(".so")) return {target, ""};
  if (colon == std::string::npos || colon == 0 || colon + 1 == target.size()) {
    throw base::Error(base::ExitCode::kUsage, "'" + target + "' does not say which kernel of which file to run",
                      "write PLUGIN.so:KERNEL or FILE.cpp:KERNEL, as in ./pi.so:estimate_pi\nsee what there is: "
                      "jobhost kernels FILE");
  }
  return {target.substr(0, colon), target.substr(colon + 1)};
}

std::optional<std::uint64_t> GuardOptions::timeout_ms() const {
  if (timeout == 0) return std::nullopt;
  return static_cast<std::uint64_t>(std::ceil(timeout * 1e3));
}

std::optional<std::uint64_t> GuardOptions::bytes() const {
  if (memory.empty()) return std::nullopt;
  return size_of(memory);
}

void add_guard_options(CLI::App& command, GuardOptions& options, const std::string& retries_default) {
  command.add_option("--timeout", options.timeout, "A task that runs longer is ended and has failed")
      ->type_name("SECONDS")
      ->check(CLI::Validator(require_seconds, ""));
  command.add_option("--mem", options.memory, "Memory a task may take, as in 500M or 2G")->type_name("SIZE");
  command.add_option("--retries", options.retries, "Further attempts after a crash or time-out")
      ->type_name("N")
      ->default_str(retries_default);
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command.footer(
      "NAME=SPEC is one value, 1,2,5, a..b, a..b..step or @file.npy; NAME:=TEXT is literal; JSON for structured "
      "values.\n"
      "Lists may follow as ::: 1 2 3 ::: 10 20 (every combination, in the parameters' order); :::+ pairs a list with "
      "the\n"
      "one before it. Exit code 1: some tasks failed.");
  command
      .add_option("target", options.target,
                  "PLUGIN.so:KERNEL, or FILE.cpp:KERNEL, which is built first; a file's only kernel needs no name")
      ->type_name("TARGET");
  command.add_option("--expr", options.expression, "An expression instead: --expr 'sin(x)*exp(-x)' x=0..10..0.01")
      ->type_name("TEXT");
  command.add_option("inputs", options.words, "Values per parameter; several make a grid whose last varies fastest")
      ->type_name("NAME=SPEC");
  const auto add = [&command](const char* name, auto& value, const char* type, const char* what) {
    return command.add_option(name, value, what)->type_name(type);
  };
  const auto repeatable = [&command](const char* name, std::vector<std::string>& words, const char* type,
                                     const char* what) {
    command.add_option(name, words, what)
        ->type_name(type)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Inputs");
  };
  command.add_flag("--zip", options.inputs.zip, "Pair the NAME=SPEC lists element by element")->group("Inputs");
  repeatable("--linspace", options.linspace, "NAME=A:B:N", "N points from A to B, both included");
  repeatable("--logspace", options.logspace, "NAME=A:B:N", "The same with a constant ratio");
  repeatable(
      "--common", options.common, "NAME=VALUE",
      "One value for every task, kept once and in no row but scalars; @FILE reads .npy, JSON or lines of numbers");
  auto* csv =
      add("--csv", options.csv, "FILE", "One task per row; columns are named like parameters ('-': standard input)");
  auto* tsv = add("--tsv", options.tsv, "FILE", "The same, separated by tabs");
  auto* jsonl = add("--jsonl", options.jsonl, "FILE", "One task per line, each a JSON object");
  auto* npy = add("--npy", options.npy, "FILE", "One task per row of a NumPy array");
  for (auto* one : {csv, tsv, jsonl, npy}) {
    one->group("Inputs");
    for (auto* other : {csv, tsv, jsonl, npy}) {
      if (one != other) one->excludes(other);
    }
  }
  add("--seed", options.seed, "N", "Give the parameter 'seed' a random number per task, the same in every run")
      ->group("Inputs");
  add("--repeat", options.inputs.repeat, "N", "Each point so many times, next to one another; with --seed each differs")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 47))
      ->group("Inputs");
  add("--sample", options.sample, "lhs:N",
      "N points of a Latin hypercube over the parameters given as NAME=A:B; --seed chooses others")
      ->group("Inputs");
  command
      .add_flag("--hash-inputs", options.inputs.hash_files,
                "Record the digest of each file that a value names; --reuse then compares it")
      ->group("Inputs");
  repeatable("--set", options.globals, "GLOBAL=VALUE", "A global variable of the plugin, set before the first task");
  const auto surroundings = [](CLI::Option* option) { option->group("Calling context"); };
  surroundings(command
                   .add_option("--env", options.wishes.environment,
                               "An environment variable that tasks are to see, besides those that always travel")
                   ->type_name("NAME[=VALUE]")
                   ->allow_extra_args(false)
                   ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
  surroundings(add("--init", options.init, "'FUNC NAME=VALUE ...'",
                   "A function of the plugin that every worker process calls before its first task"));
  surroundings(command.add_flag("--isolate-globals", options.isolate_globals,
                                "Give globals their captured values again before every task"));
  surroundings(command.add_flag("--portable-math", options.wishes.portable_math,
                                "The same bits of sin, exp, pow, … on processors of any generation"));
  add("--session", options.session, "FILE", "Values of globals that jobhost session save kept; --set wins")
      ->group("Inputs");
  add_build_options(command, options.build);
  add_backend_options(command, options.backend, "processes", "one per core here");
  add("--chunk", options.chunk, "N", "Tasks taken at once: auto or N")->capture_default_str();
  add_guard_options(command, options.guards, "2");
  add("--sync", options.sync, "POLICY",
      "What results survive: process (kills), batch (power cuts, but for the last second), strict (each commit)")
      ->check(one_of({std::begin(base::kSyncPolicies), std::end(base::kSyncPolicies)}))
      ->capture_default_str();
  command.add_flag("--exact-libraries", options.exact_libraries,
                   "Refuse machines whose system libraries differ from those here");
  command.add_flag("--reuse", options.reuse, "Take results of earlier jobs with the same code, context and arguments");
  command.add_flag("--dry-run", options.dry_run, "Only show what would run");
  add("--name", options.label, "LABEL", "A label, by which the job can be named, too");
}

void add_waiting_options(CLI::App& command, RunOptions& options) {
  auto* detach = command.add_flag("--detach", options.detach, "Do not wait for results: print the job's id and return");
  command.add_option("--max-failures", options.max_failures, "Give up once so many tasks have failed")
      ->type_name("N|P%")
      ->excludes(detach);
  command.add_flag("--fail-fast", options.fail_fast, "Give up with the first failed task")->excludes(detach);
  command.add_option("--order", options.order, "Print rows in the order of input or of completion")
      ->type_name("ORDER")
      ->check(one_of({"input", "completion"}))
      ->capture_default_str()
      ->excludes(detach);
  add_output_options(command, options.output);
}

host::Job make_job(Session& session, const CLI::App& command, RunOptions options) {
  const backend::Choice backend = choice_of(session.env, options.backend);
  const unsigned lanes = lanes_of(options.backend, backend);
  failures_allowed(options.max_failures, 1);
  options.inputs.assignments = assignments_of(command, !options.expression.empty());
  options.inputs.positional = session.positional;
  options.inputs.rows = rows_of(options);
  if (!options.seed.empty()) {
    std::uint64_t seed = 0;
    if (!parse_number(options.seed, seed)) {
      throw base::Error(base::ExitCode::kUsage,
                        "--seed is a whole number from 0 to 2^64-1, not '" + options.seed + "'");
    }
    options.inputs.seed = seed;
  }
  if (!options.sample.empty()) options.inputs.sample = points_of(options.sample);
  options.output.file = base::absolute_path(options.output.file);
  check_output(session.env, options.output);
  host::JobSpec spec;
  if (options.expression.empty()) {
    std::tie(spec.named, spec.kernel) = split_target(options.target);
    spec.plugin = plugin_of(session, spec.named, options.build);
  } else {
    spec.plugin = spec.named = plugin_of_expression(session, options.expression, options.build);
    spec.kernel = "expression";
  }
  std::vector<bundle::InputFile> files;
  std::string folder;
  spec.inputs = [&](schema::Kernel& signature, const std::string& directory) {
    folder = directory;
    auto inputs = make_inputs(session.env, options.inputs, signature, directory, &files);
    require_no_input(session.env, options.output.file, files);
    return inputs;
  };
  spec.input_files = [&](const bundle::Manifest& manifest, const schema::Description& description) {
    using ReadBy = bundle::InputFile::ReadBy;
    if (!options.inputs.hash_files) return files;
    host::add_named_files(session.env, host::names_in_inputs(session.env, manifest.inputs, manifest.kernel, folder),
                          ReadBy::kTasks, "", files);
    host::add_named_files(session.env, host::names_in_context(manifest, {description, {}}), ReadBy::kEveryTask, "",
                          files);
    return files;
  };
  spec.reuse = options.reuse;
  spec.backend = backend.name;
  spec.backend_options = backend.options;
  spec.auto_resubmit = backend.auto_resubmit;
  spec.workers = lanes;
  if (!backend::is_local(backend.name)) spec.worker_processes = lanes;
  spec.retries = options.guards.retries.value_or(spec.retries);
  spec.timeout_ms = options.guards.timeout_ms().value_or(0);
  spec.memory = options.guards.bytes().value_or(0);
  spec.sync = *base::sync_policy_of(options.sync);
  spec.exact_libraries = options.exact_libraries;
  spec.globals = globals_of(options.globals);
  spec.isolate_globals = options.isolate_globals;
  spec.init = options.init;
  spec.wishes = options.wishes;
  if (!options.session.empty()) {
    spec.session = fitted(read_session(session.env, options.session),
                          placed(plugin::describe(session.env, spec.plugin)), spec.named);
  }
  spec.chunk = chunk_of(options.chunk);
  if (options.label.starts_with('@')) {
    throw base::Error(base::ExitCode::kUsage, "'" + options.label + "' cannot name a job",
                      "names with '@' in front are jobhost's own");
  }
  spec.label = options.label;
  spec.output = options.output;
  spec.command = session.command;
  Signals::throw_if_asked();
  store::Store store = session.store();
  host::Job job = host::submit(session.env, store, spec);
  job.called = call_by_id(session, job.manifest.job);
  if (options.inputs.repeat > 1 && takes_same_seeds(job.manifest)) {
    session.say(
        "note: all " + std::to_string(options.inputs.repeat) +
        " repetitions have the same arguments, seed too; --seed N instead of seed=N draws another one for each");
  }
  return job;
}

FollowOptions follow_options(const RunOptions& options, const host::Job& job) {
  FollowOptions follow;
  follow.start = FollowOptions::Workers{choice_of(job.manifest), job.manifest.workers};
  follow.output = job.manifest.output;
  follow.max_failures = options.fail_fast ? 1 : failures_allowed(options.max_failures, job.manifest.tasks);
  const auto& output = job.manifest.output;
  follow.in_order = options.order == "input" || !output.reduce.empty() || !output.columns.empty();
  return follow;
}

}  // namespace jobhost::cli
