#include "cli/backend_options.hpp"

#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "backend/allocation.hpp"
#include "backend/template_queue.hpp"
#include "base/error.hpp"
#include "base/suggest.hpp"
#include "host/workers.hpp"

namespace jobhost::cli {
namespace {

constexpr std::string_view kTemplateEnding = ".sh";
constexpr unsigned kMostLocalLanes = 1024, kMostLanes = 1'000'000;

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

base::Error refusal(const std::string& what, const std::string& hint) {
  return base::Error(base::ExitCode::kUsage, what, hint);
}

/// Where the templates are that come with jobhost.
std::string template_folder() { return Session::share() + "/templates"; }

/// The text of a file, or of what comes with jobhost by that name.
std::string read_template(base::Env& env, const std::string& name) {
  constexpr std::uint64_t kLimit = 1 << 20;
  std::string path = name;
  auto file = base::File::open_if_exists(env, path, O_RDONLY);
  if (!file && name.find('/') == std::string::npos) {
    path = template_folder() + "/" + name + std::string(kTemplateEnding);
    file = base::File::open_if_exists(env, path, O_RDONLY);
  }
  if (!file) {
    throw refusal("there is no template '" + name + "'", base::did_you_mean(name, template_names(env)) +
                                                             "\nor name a file; docs/templates.md says what is in it");
  }
  try {
    return backend::checked_template(std::string(base::as_text(base::read_file(*file, kLimit))), path);
  } catch (const base::Error& error) {
    throw base::Error(base::ExitCode::kUsage, error.what(), error.hint());
  }
}

}  // namespace

std::vector<std::string> template_names(base::Env& env) {
  std::vector<std::string> names;
  for (const auto& file : base::names_in(env, template_folder())) {
    if (file.ends_with(kTemplateEnding)) names.push_back(file.substr(0, file.size() - kTemplateEnding.size()));
  }
  return names;
}

void add_backend_options(CLI::App& command, BackendOptions& options, const std::string& default_backend,
                         const std::string& default_lanes) {
  command
      .add_option("-b,--backend", options.name,
                  listed(backend::backend_names()) + " (default: " + default_backend + ")")
      ->type_name("NAME");
  command.add_option("-j,--workers", options.lanes, "Lanes to compute in (default: " + default_lanes + ")")
      ->type_name("N")
      ->check(CLI::Range(1u, kMostLanes));
  const auto passed_on = [&command](const char* name, std::vector<std::string>& words, const char* what) {
    command.add_option(name, words, what)
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  passed_on("--slurm", options.slurm,
            "An option of sbatch without its dashes, as in --slurm partition=short --slurm time=30");
  command
      .add_option("--template", options.queue_template,
                  "With -b template: a script that says how a queueing system is used, or gridengine")
      ->type_name("FILE");
  passed_on("--mpi", options.mpi,
            "An option of mpirun without its dashes, as in --mpi hostfile=nodes.txt; mpirun=PATH for another one");
  command.add_flag("--auto-resubmit", options.auto_resubmit,
                   "Workers that reach their time limit, or lose their node, are submitted again");
}

backend::Choice choice_of(const bundle::Manifest& manifest) {
  return {manifest.backend, manifest.backend_options, manifest.auto_resubmit};
}

backend::Choice choice_of(base::Env& env, const BackendOptions& options, const backend::Choice& otherwise) {
  backend::Choice choice = otherwise;
  const auto& names = backend::backend_names();
  if (!options.name.empty() && options.name != choice.name) {
    if (std::find(names.begin(), names.end(), options.name) == names.end()) {
      throw refusal("no backend '" + options.name + "'", base::did_you_mean(options.name, names));
    }
    choice = {options.name};
  }
  for (const auto& [name, given] : {std::pair("slurm", options.slurm), std::pair("mpi", options.mpi)}) {
    if (given.empty()) continue;
    if (choice.name != name) {
      throw refusal(std::string("--") + name + " is for another backend than " + choice.name,
                    std::string("add -b ") + name);
    }
    choice.options = given;
  }
  if (!options.queue_template.empty()) {
    if (choice.name != "template")
      throw refusal("--template is for another backend than " + choice.name, "add -b template");
    choice.options = {read_template(env, options.queue_template)};
  } else if (choice.name == "template" && choice.options.empty()) {
    throw refusal("which queueing system is it?", "say it with --template, as in --template gridengine");
  }
  if (options.auto_resubmit) {
    if (choice.name == "mpi" || backend::is_local(choice.name))
      throw refusal("--auto-resubmit is for queueing systems", "add -b slurm");
    choice.auto_resubmit = true;
  }
  if (backend::is_local(choice.name) && options.lanes > kMostLocalLanes) {
    throw refusal("one machine has at most " + std::to_string(kMostLocalLanes) + " lanes",
                  "-b slurm computes on more than one");
  }
  return choice;
}

unsigned lanes_of(const BackendOptions& options, const backend::Choice& choice) {
  if (options.lanes > 0) return options.lanes;
  if (backend::is_local(choice.name)) return host::default_lanes();
  if (const unsigned allocated = backend::allocated_lanes(); allocated > 0) return allocated;
  throw refusal("how many lanes are there to be on " + choice.name + "?", "say it with -j, as in -j 64");
}

}  // namespace jobhost::cli
