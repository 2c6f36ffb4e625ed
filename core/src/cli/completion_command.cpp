#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "cli/completion.hpp"
#include "cli/one_of.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

// The shells' scripts only hand the line up to the cursor to `jobhost __complete`, which prints what may stand in place
// of its last word. A word that goes on after '=', ':', ',' or '/' gets no blank behind it.
constexpr const char* kBash = R"(_jobhost() {
  local line=${COMP_LINE:0:COMP_POINT} candidate
  local word=${line##* }
  local kept=${word%"${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate#"$kept"}")
  done < <(jobhost __complete "$line" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:,/] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _jobhost jobhost
)";
constexpr const char* kZsh = R"(#compdef jobhost
_jobhost() {
  local -a candidates
  candidates=("${(@f)$(jobhost __complete "${words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -z ${candidates[1]} ]]; then _files; return; fi
  compadd -Q -S '' -- ${(M)candidates:#*[=:,/]}
  compadd -Q -- ${candidates:#*[=:,/]}
}
if [[ $funcstack[1] == _jobhost ]]; then _jobhost; else compdef _jobhost jobhost; fi
)";
constexpr const char* kFish = R"(function __jobhost_complete
  set -l candidates (jobhost __complete (commandline -cp | string collect) 2>/dev/null)
  if set -q candidates[1]
    printf '%s\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c jobhost -f -a '(__jobhost_complete)'
)";

void complete(const CLI::App& app, Session& session, const std::string& line) {
  try {
    for (const auto& candidate : candidates_for(app, session, line)) std::printf("%s\n", candidate.c_str());
  } catch (const base::Error&) {
    // There is nothing to offer for code or a store that cannot be read; the command itself will say why.
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
      ->check(one_of({"bash", "zsh", "fish"}));
  command->callback([shell] { std::fputs(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish, stdout); });
  command->footer(
      "bash: put  source <(jobhost completion bash)  into ~/.bashrc\n"
      "zsh:  put  source <(jobhost completion zsh)  into ~/.zshrc, behind compinit\n"
      "fish: jobhost completion fish > ~/.config/fish/completions/jobhost.fish");
  auto line = std::make_shared<std::string>();
  auto* internal = app.add_subcommand("__complete", "What may stand in place of the last word of a command line");
  internal->group("");
  internal->add_option("line", *line)->required();
  internal->callback([&app, &session, line] { complete(app, session, *line); });
}

}  // namespace jobhost::cli
