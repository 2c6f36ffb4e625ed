#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "cli/input_arguments.hpp"
#include "store/store.hpp"

namespace CLI {
class App;
}

namespace jobhost::dashboard {
class Content;
struct Options;
}  // namespace jobhost::dashboard

namespace jobhost::cli {

/// Serves jobs to a browser until the user asks it to end (dashboard::serve).
using ServeDashboard = void(dashboard::Content& content, const dashboard::Options& options);

/// What a subcommand gets from main.
struct Session {
  base::Env& env;
  std::vector<std::string> command;  // argv as typed
  std::vector<WordList> positional;  // ":::" lists, taken out of argv before it is parsed
  std::string store_path;            // --store, or the default
  bool quiet = false, verbose = false;
  std::string color = "auto";
  int exit_code = 0;                          // set by the subcommand
  ServeDashboard* serve_dashboard = nullptr;  // of the one program that can

  store::Store store() { return store::Store(env, store_path); }
  /// Absolute path of this program, and of the folder its executors are in.
  static std::string program();
  static std::string libexec();
  /// Where the headers are that plugins are compiled against.
  static std::string include();
  /// Where files are that come with it.
  static std::string share();
  /// One line to standard error, unless --quiet.
  void say(const std::string& line) const;
  /// One line to standard error with --verbose.
  void explain(const std::string& line) const;
  bool use_color() const;
};

/// Every subcommand adds itself to the app; what it is to do runs from the callback, inside main's error handling.
void add_run_commands(CLI::App& app, Session& session);     // run, submit, resume, retry, attach, cancel
void add_look_commands(CLI::App& app, Session& session);    // ls, show, results, errors
void add_author_commands(CLI::App& app, Session& session);  // new, build
void add_plugin_commands(CLI::App& app, Session& session);  // kernels, check
void add_debug_commands(CLI::App& app, Session& session);   // logs, replay
void add_keep_commands(CLI::App& app, Session& session);    // verify, rm, gc
void add_session_command(CLI::App& app, Session& session);  // session save, load, show
void add_export_command(CLI::App& app, Session& session);
void add_report_command(CLI::App& app, Session& session);
void add_dashboard_command(CLI::App& app, Session& session);
void add_watch_command(CLI::App& app, Session& session);
void add_audit_command(CLI::App& app, Session& session);
void add_doctor_command(CLI::App& app, Session& session);
void add_completion_command(CLI::App& app, Session& session);
void add_man_command(CLI::App& app, Session& session);
void add_worker_command(CLI::App& app, Session& session);

/// Parses and runs; returns the exit code.
int run_command_line(base::Env& env, int argc, char** argv, ServeDashboard* serve_dashboard = nullptr);
/// The same for the command line of a worker alone, argv[0] included.
int run_worker(base::Env& env, const std::vector<std::string>& arguments);

}  // namespace jobhost::cli
