#include <CLI/CLI.hpp>
#include <cstdio>
#include <sstream>

#include "base/error.hpp"
#include "cli/run_options.hpp"
#include "cli/session.hpp"
#include "plugin/inspect.hpp"

namespace jobhost::cli {
namespace {

// The shells' scripts only hand the line up to the cursor to `jobhost __complete`, which prints what may stand in place
// of its last word.
constexpr const char* kBash = R"(_jobhost() {
  local line=${COMP_LINE:0:COMP_POINT} candidate
  local word=${line##* }
  local kept=${word%"${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate#"$kept"}")
  done < <(jobhost __complete "$line" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:/] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _jobhost jobhost
)";
constexpr const char* kZsh = R"(#compdef jobhost
_jobhost() {
  local -a candidates
  candidates=("${(@f)$(jobhost __complete "${words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n ${candidates[1]} ]]; then compadd -Q -S '' -- $candidates; else _files; fi
}
if [[ $funcstack[1] == _jobhost ]]; then _jobhost; else compdef _jobhost jobhost; fi
)";
constexpr const char* kFish =
    R"(complete -c jobhost -f -a '(jobhost __complete (commandline -cp | string collect) 2>/dev/null)'
)";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (line.empty() || line.back() == ' ') words.emplace_back();
  return words;
}

bool takes_jobs(const std::string& command) {
  for (const char* known : {"show", "results", "errors", "logs", "replay", "resume", "retry", "attach", "cancel",
                            "verify", "session", "export", "audit", "rm"}) {
    if (command == known) return true;
  }
  return false;
}

/// Kernels of the plugin named in "PLUGIN.so:", or parameters of the kernel in TARGET.
std::vector<std::string> of_plugin(Session& session, const std::string& target, bool parameters) {
  std::vector<std::string> found;
  const std::size_t so = target.find(".so:");
  if (so == std::string::npos) return found;
  const std::string plugin = target.substr(0, so + 3);
  const auto description = plugin::describe(session.env, plugin);
  if (!parameters) {
    for (const auto& kernel : description.kernels) found.push_back(plugin + ":" + kernel.name);
    return found;
  }
  for (const auto& parameter : plugin::find_kernel(description, target.substr(so + 4), plugin).parameters) {
    found.push_back(parameter.name + "=");
  }
  return found;
}

std::vector<std::string> candidates_for(const CLI::App& app, Session& session, const std::string& line) {
  const auto words = words_of(line);
  const std::string& last = words.back();
  std::vector<std::string> found;
  if (words.size() <= 2) {
    for (const auto* command : app.get_subcommands(
             [](const CLI::App* c) { return c->get_group() != "Internal" && !c->get_group().empty(); })) {
      if (!command->get_name().empty()) found.push_back(command->get_name());
    }
    return found;
  }
  if (words[1] == "session" && words.size() == 3 && !last.starts_with('-')) {
    for (const auto* action : app.get_subcommand(words[1])->get_subcommands([](const CLI::App*) { return true; })) {
      found.push_back(action->get_name());
    }
    return found;
  }
  if (last.starts_with('-')) {
    auto holders = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == words[1]; });
    if (words[1] == "session" && !holders.empty()) {
      holders = holders[0]->get_subcommands([&](const CLI::App* action) { return action->get_name() == words[2]; });
    }
    holders.push_back(&app);
    for (const auto* holder : holders) {
      for (const auto* option : holder->get_options()) {
        for (const auto& name : option->get_lnames()) found.push_back("--" + name);
      }
    }
    return found;
  }
  if (words[1] == "session" && words.size() < 5) return found;  // the shell completes the file
  if (takes_jobs(words[1])) {
    found = session.store().jobs();
    found.push_back("@last");
    return found;
  }
  if (words[1] != "run" && words[1] != "submit") return found;
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    if (words[i].find(".so:") != std::string::npos) return of_plugin(session, words[i], true);
  }
  return of_plugin(session, last, false);
}

void complete(const CLI::App& app, Session& session, const std::string& line) {
  const std::string last = words_of(line).back();
  try {
    for (const auto& candidate : candidates_for(app, session, line)) {
      if (candidate.starts_with(last)) std::printf("%s\n", candidate.c_str());
    }
  } catch (const base::Error&) {
    // There is nothing to offer for a plugin or store that cannot be read; the command itself will say why.
  }
}

}  // namespace

void add_completion_command(CLI::App& app, Session& session) {
  auto shell = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("completion", "Print a script that completes commands, kernels, parameters and jobs");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell] { std::fputs(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish, stdout); });
  command->footer("bash: put  source <(jobhost completion bash)  into ~/.bashrc");
  auto line = std::make_shared<std::string>();
  auto* internal = app.add_subcommand("__complete", "What may stand in place of the last word of a command line");
  internal->group("");
  internal->add_option("line", *line)->required();
  internal->callback([&app, &session, line] { complete(app, session, *line); });
}

}  // namespace jobhost::cli
