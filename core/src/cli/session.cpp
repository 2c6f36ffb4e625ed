#include "cli/session.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "base/error.hpp"
#include "base/suggest.hpp"
#include "base/trust.hpp"
#include "cli/help.hpp"
#include "cli/one_of.hpp"
#include "cli/option_of.hpp"
#include "cli/signals.hpp"
#include "cli/standard_output.hpp"
#include "jobhost/sdk/version.h"

namespace jobhost::cli {
namespace {

/// Takes every `::: a b c` and `:::+ a b c` out of the words. A list ends at the next one or at an option (a dash and a
/// letter).
std::vector<WordList> take_lists(std::vector<std::string>& words) {
  std::vector<WordList> lists;
  std::vector<std::string> rest;
  bool inside = false;
  for (const auto& word : words) {
    const bool option = word.size() > 1 && word[0] == '-' &&
                        (word[1] == '-' || std::isalpha(static_cast<unsigned char>(word[1]))) && word != "-inf" &&
                        word != "-nan";
    if (word == ":::" || word == ":::+") {
      lists.emplace_back().linked = word == ":::+";
      inside = true;
    } else if (inside && !option) {
      lists.back().words.push_back(word);
    } else {
      inside = false;
      rest.push_back(word);
    }
  }
  words = std::move(rest);
  return lists;
}

/// "jobhost help run" is "jobhost run --help".
void turn_help_around(std::vector<std::string>& words) {
  if (words.empty() || words[0] != "help") return;
  words.erase(words.begin());
  words.emplace_back("--help");
}

void print_error(const Session& session, const std::string& what, const std::string& hint) {
  const char* red = session.use_color() ? "\033[1;31m" : "";
  const char* plain = session.use_color() ? "\033[0m" : "";
  std::fprintf(stderr, "%serror:%s %s\n", red, plain, base::printable(what).c_str());
  for (std::size_t begin = 0; begin < hint.size();) {
    const std::size_t end = std::min(hint.find('\n', begin), hint.size());
    std::fprintf(stderr, "  %s\n", base::printable(hint.substr(begin, end - begin)).c_str());
    begin = end + 1;
  }
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App* c) { return !c->get_name().empty(); })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// A word that is no subcommand, or an option nobody knows: with the nearest that exists.
std::string suggestion(const CLI::App& app, const std::vector<std::string>& words, bool misspelt) {
  const CLI::App* chosen = nullptr;  // the command, or the action of one that has several
  std::string called = "jobhost ";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const CLI::App& within = chosen ? *chosen : app;
    const auto commands = names_of_commands(within);
    const CLI::Option* known = word.starts_with("--") ? option_of(within, app, word) : nullptr;
    if (known && takes_value(*known) && word.find('=') == std::string::npos) ++i;  // past its value
    if (!commands.empty() && !word.starts_with('-')) {
      if (std::find(commands.begin(), commands.end(), word) == commands.end()) {
        const auto near = base::nearest(word, commands);
        return near ? "did you mean '" + called + *near + "'?" : "try: " + called + "--help";
      }
      chosen = within.get_subcommand(word);
      called += word + " ";
    } else if (chosen && misspelt && word.starts_with('-')) {
      std::vector<std::string> options;
      for (const CLI::App* knows : {chosen, &app}) {
        for (const auto* option : knows->get_options()) {
          for (const auto& name : option->get_lnames()) options.push_back("--" + name);
          for (const auto& name : option->get_snames()) options.push_back("-" + name);
        }
      }
      const bool with_value = word[1] != '-';  // -j2
      const std::string name = with_value ? word.substr(0, 2) : word.substr(0, word.find('='));
      if (std::find(options.begin(), options.end(), name) == options.end()) {
        if (chosen->get_name() == "submit" && app.get_subcommand("attach")->get_option_no_throw(name)) {
          return "who waits for the rows says where they go: jobhost attach JOB " + name + " …";
        }
        // Of single letters each is near to every other.
        const auto near = with_value ? std::nullopt : base::nearest(name, options);
        if (near) return "did you mean '" + *near + "'?";
      }
    }
  }
  return "try: " + called + "--help";
}

/// CLI11's own words, but for a first word that is no subcommand.
std::string complaint(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words) {
  const bool no_command = app.get_subcommands().empty() && !words.empty() && !words[0].starts_with('-');
  return no_command ? "there is no command '" + words[0] + "'" : error.what();
}

int parse_and_run(CLI::App& app, Session& session, const std::vector<std::string>& words) {
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    app.parse(reversed);
    return session.exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    if (words.empty()) {
      std::fputs(app.help().c_str(), stderr);
      return static_cast<int>(base::ExitCode::kUsage);
    }
    const bool misspelt = dynamic_cast<const CLI::ExtrasError*>(&error) || app.get_subcommands().empty();
    std::string what = complaint(app, error, words), hint;
    if (const std::size_t end = what.find('\n'); end != std::string::npos) {  // as one_of() has it
      hint = what.substr(end + 1);
      what.resize(end);
    }
    print_error(session, what, hint.empty() ? suggestion(app, words, misspelt) : hint);
    return static_cast<int>(base::ExitCode::kUsage);
  }
}

/// Every error ends here: it is printed and becomes an exit code.
int guarded(Session& session, const std::function<int()>& run) {
  try {
    return run();
  } catch (const base::Error& error) {
    print_error(session, error.what(), error.hint());
    return static_cast<int>(error.code());
  } catch (const ReaderGone&) {
    return 141;  // as a shell reports SIGPIPE
  } catch (const std::bad_alloc&) {
    print_error(session, "out of memory", "");
    return static_cast<int>(base::ExitCode::kBackendFailed);
  } catch (const std::exception& error) {
    print_error(session, std::string("internal error: ") + error.what(), "please report this");
    return static_cast<int>(base::ExitCode::kBackendFailed);
  }
}

}  // namespace

std::string Session::program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  return std::string(path, size > 0 ? static_cast<std::size_t>(size) : 0);
}

/// Above bin/ and libexec/jobhost/.
static std::string prefix() {
  const std::string self = Session::program();
  std::string folder = self.substr(0, self.rfind('/'));
  const std::string private_folder = "/libexec/jobhost";
  if (folder.ends_with(private_folder)) return folder.substr(0, folder.size() - private_folder.size());
  return folder.substr(0, folder.rfind('/'));
}

std::string Session::libexec() { return prefix() + "/libexec/jobhost"; }

std::string Session::include() { return prefix() + "/include"; }

std::string Session::share() { return prefix() + "/share/jobhost"; }

void Session::say(const std::string& line) const {
  if (!quiet) std::fprintf(stderr, "%s\n", base::printable(line).c_str());
}

void Session::explain(const std::string& line) const {
  if (verbose) std::fprintf(stderr, "%s\n", base::printable(line).c_str());
}

bool Session::use_color() const {
  if (color != "auto") return color == "always";
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(2) == 1 && (!no_color || !*no_color);
}

int run_command_line(base::Env& env, int argc, char** argv, ServeDashboard* serve_dashboard) {
  Session session{env, {argv, argv + argc}, {}, store::Store::default_path(), false, false, "auto", 0, serve_dashboard};
  std::vector<std::string> words(argv + 1, argv + argc);
  session.positional = take_lists(words);
  turn_help_around(words);

  CLI::App app("Maps a plain C++ function over many inputs: on threads, processes, a cluster.", "jobhost");
  app.set_version_flag("--version", "jobhost " JOBHOST_VERSION);
  set_help_format(app);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--store", session.store_path, "Directory that holds jobs ($JOBHOST_STORE, else .jobhost)")
      ->type_name("DIR");
  app.add_flag("-q,--quiet", session.quiet, "No progress, no summary");
  app.add_flag("-v,--verbose", session.verbose, "Say what is built, submitted and started");
  app.add_option("--color", session.color, "auto, always or never")
      ->type_name("WHEN")
      ->check(one_of({"auto", "always", "never"}));
  add_run_commands(app, session);
  add_look_commands(app, session);
  add_author_commands(app, session);
  add_plugin_commands(app, session);
  add_debug_commands(app, session);
  add_keep_commands(app, session);
  add_session_command(app, session);
  add_export_command(app, session);
  add_report_command(app, session);
  add_dashboard_command(app, session);
  add_watch_command(app, session);
  add_audit_command(app, session);
  add_doctor_command(app, session);
  add_completion_command(app, session);
  add_man_command(app, session);
  add_worker_command(app, session);
  for (const auto& [group, names] : kCommandGroups) {
    for (const auto& name : names) app.get_subcommand(name)->group(group);
  }
  app.footer(
      "Examples:\n"
      "  jobhost run pi.cpp:estimate_pi seed=1..1000 samples=10000\n"
      "  jobhost run --expr 'sin(x)*exp(-x)' x=0..10..0.01 -o wave.csv\n"
      "  jobhost kernels ./pi.so\n"
      "  jobhost run ./pi.so:estimate_pi ::: 1 2 3 ::: 1000 -o pi.csv");
  return guarded(session, [&] {
    const int code = parse_and_run(app, session, words);
    flush_standard_output();
    return code;
  });
}

int run_worker(base::Env& env, const std::vector<std::string>& arguments) {
  Session session{env, arguments, {}, "", false, false, "auto", 0};
  CLI::App app("", "jobhost");
  add_worker_command(app, session);
  return guarded(session, [&] { return parse_and_run(app, session, {arguments.begin() + 1, arguments.end()}); });
}

}  // namespace jobhost::cli
