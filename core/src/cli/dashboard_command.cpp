#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/dashboard_content.hpp"
#include "cli/session.hpp"
#include "cli/signals.hpp"
#include "cli/standard_output.hpp"

namespace jobhost::cli {
namespace {

struct DashboardOptions {
  int port = 0;
  bool allow_cancel = false;
};

/// The server's libraries are loaded by a program of their own: every other command would start later for them.
[[noreturn]] void become_server(const Session& session) {
  const std::string program = Session::libexec() + "/jobhost-dashboard";
  std::vector<std::string> words = session.command;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw base::Error(base::ExitCode::kBackendFailed, "cannot start '" + program + "'", "install jobhost again");
}

void dashboard(Session& session, const DashboardOptions& options) {
  if (!session.serve_dashboard) become_server(session);
  Signals::install();
  DashboardContent content(session, options.allow_cancel);
  dashboard::Options how;
  how.port = options.port;
  how.token = base::random_hex(session.env, 16);
  how.may_cancel = options.allow_cancel;
  how.ready = [&](const std::string& url) {
    std::printf("%s\n", url.c_str());
    flush_standard_output();
    session.say("jobs of '" + session.store().path() + "' are shown there to whoever has this URL; Ctrl-C ends it");
  };
  how.ended = [] { return Signals::requests.load() > 0; };
  session.serve_dashboard(content, how);
}

}  // namespace

void add_dashboard_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<DashboardOptions>();
  auto* command = app.add_subcommand("dashboard", "Reports of all jobs of the store in the browser, as they run");
  command->add_option("--port", options->port, "Of this machine alone (default: any that is free)")
      ->type_name("N")
      ->check(CLI::Range(1, 65535));
  command->add_flag("--allow-cancel", options->allow_cancel, "Jobs can be cancelled there; else it only shows them");
  command->callback([&session, options] { dashboard(session, *options); });
  command->footer(
      "Prints the URL to open. From another machine: ssh -L 8000:127.0.0.1:8000 HOST jobhost dashboard --port 8000");
}

}  // namespace jobhost::cli
