#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/document.hpp"
#include "cli/one_line.hpp"
#include "cli/output_target.hpp"
#include "cli/run_options.hpp"
#include "cli/session.hpp"
#include "cli/session_file.hpp"
#include "cli/session_target.hpp"
#include "cli/signals.hpp"
#include "host/globals.hpp"
#include "worker/globals.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct SessionOptions {
  std::string file, target;
  std::vector<std::string> globals;  // GLOBAL=VALUE
  BuildOptions build;
  bool json = false;
};

bool same(const PlacedVariable& placed, const bundle::Global& global) {
  return placed.variable.name == global.name && placed.library == global.library;
}

/// The declared globals, all where none is declared; and those that are given a value in any case.
std::vector<PlacedVariable> worth_keeping(const SessionTarget& target) {
  const auto& variables = target.variables;
  const bool declared =
      std::any_of(variables.begin(), variables.end(), [](const auto& placed) { return placed.variable.declared; });
  std::vector<PlacedVariable> kept;
  for (const auto& placed : variables) {
    const auto& set = target.manifest.globals;
    const bool is_set = std::any_of(set.begin(), set.end(), [&](const auto& global) { return same(placed, global); });
    if (!declared || placed.variable.declared || is_set) kept.push_back(placed);
  }
  return kept;
}

std::vector<std::optional<base::Bytes>> values_of(Session& session, const SessionTarget& target,
                                                  const std::vector<worker::GlobalGetter>& getters) {
  Signals::install();
  try {
    return worker::read_globals(session.env, Session::libexec(), target.plan, target.manifest, getters,
                                [] { return Signals::requests.load() > 0; });
  } catch (const base::Error&) {
    Signals::throw_if_asked("interrupted while the code was loaded");
    throw;
  }
}

/// The globals as they are in a process that has loaded the target's code.
SavedSession live_session(Session& session, const SessionTarget& target) {
  std::vector<worker::GlobalGetter> getters;
  const auto kept = worth_keeping(target);
  for (const auto& placed : kept) {
    if (placed.variable.getter.empty()) {
      throw base::Error(base::ExitCode::kPluginRefused,
                        "'" + target.plugin + "' cannot tell the values of its globals: an older jobhost made it",
                        "rebuild the plugin");
    }
    getters.push_back({placed.library, placed.variable.getter});
  }
  const auto values = values_of(session, target, getters);
  SavedSession live{target.plugin, target.manifest.plugin.build_id, {}};
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto& variable = kept[i].variable;
    if (values[i]) {
      live.globals.push_back({variable.name, kept[i].library, variable.type, *values[i]});
    } else if (variable.declared) {
      throw base::Error(base::ExitCode::kPluginRefused,
                        "the value of global '" + variable.name + "' cannot be encoded");
    } else {
      session.say("left out: the value of '" + variable.name + "' cannot be encoded");
    }
  }
  return live;
}

void print(const SavedSession& shown, const SessionOptions& options) {
  if (options.json) {
    Json globals = Json::array();
    for (const auto& global : shown.globals) {
      globals.push_back({{"name", global.name}, {"type", schema::cpp_name(global.type)}});
      if (!global.library.empty()) globals.back()["library"] = global.library;
      globals.back()["value"] = Json::parse(value_text(global));
    }
    return print_document({{"plugin", shown.plugin}, {"build_id", shown.build_id}, {"globals", std::move(globals)}});
  }
  for (const auto& global : shown.globals) {
    std::printf("%s %s = %s%s\n", schema::cpp_name(global.type).c_str(), global.name.c_str(),
                value_text(global).c_str(), global.library.empty() ? "" : ("   (" + global.library + ")").c_str());
  }
}

/// Values that were given take the place of those of the same variable.
void set(std::vector<bundle::Global>& globals, std::vector<bundle::Global> values) {
  std::erase_if(globals, [&](const auto& old) {
    return std::any_of(values.begin(), values.end(),
                       [&](const auto& value) { return value.name == old.name && value.library == old.library; });
  });
  for (auto& value : values) globals.push_back(std::move(value));
}

void save(Session& session, const SessionOptions& options) {
  const std::string file = output_path(session.env, options.file);
  SessionTarget target = session_target(session, options.target, options.build);
  set(target.manifest.globals, host::merged_globals(target.description, {}, globals_of(options.globals)));
  const SavedSession live = live_session(session, target);
  if (live.globals.empty()) {
    throw base::Error(base::ExitCode::kUsage, "'" + target.plugin + "' has no global variables that can be set");
  }
  write_session(session.env, file, live);
  session.say(options.file + ": " + count_of(live.globals.size(), "global") + " of " + target.plugin);
}

void load(Session& session, const SessionOptions& options) {
  const SavedSession saved = read_session(session.env, options.file);
  SessionTarget target = session_target(session, options.target, options.build);
  set(target.manifest.globals, fitted(saved, target.variables, target.plugin));
  const SavedSession live = live_session(session, target);
  if (saved.build_id != live.build_id) session.say("note: it was saved from another build, '" + saved.plugin + "'");
  print(live, options);
}

}  // namespace

void add_session_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<SessionOptions>();
  auto* command = app.add_subcommand("session", "Keep the values of global variables in a file: save, load, show");
  command->require_subcommand(1);
  command->footer("jobhost run --session FILE runs tasks with these values.");
  const auto add = [&](const char* name, const char* what, auto run) {
    auto* action = command->add_subcommand(name, what);
    action->add_option("file", options->file, "The session")->type_name("FILE")->required();
    action->callback([&session, options, run] { run(session, *options); });
    return action;
  };
  const auto add_target = [&](CLI::App* action) {
    action->add_option("target", options->target, "A .so file, a source file, which is built first, or a job")
        ->type_name("TARGET")
        ->required();
    add_build_options(*action, options->build);
  };
  auto* save_command = add("save", "Write the values that declared globals have once the code is loaded", &save);
  add_target(save_command);
  save_command->add_option("--set", options->globals, "Another value than the code or the job gives it")
      ->type_name("GLOBAL=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  save_command->footer(
      "All globals that can be set are written where none is declared (add_job_kernel(... GLOBALS ...)).");
  auto* load_command = add("load", "Load the code, give it the values, and print its globals as they are then", &load);
  add_target(load_command);
  auto* show_command =
      add("show", "Print names, types and values without running anything",
          [](Session& within, const SessionOptions& shown) { print(read_session(within.env, shown.file), shown); });
  for (auto* printing : {load_command, show_command}) {
    printing->add_flag("--json", options->json, "Print one JSON document");
  }
}

}  // namespace jobhost::cli
