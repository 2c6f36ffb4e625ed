#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/program.hpp"
#include "base/suggest.hpp"
#include "cli/help.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

struct ManOptions {
  std::string command, folder;
};

void write_pages(const CLI::App& app, Session& session, const std::string& folder) {
  const auto write = [&](const std::string& name, const std::string& page) {
    base::write_file_atomically(session.env, folder + "/" + name + ".1", base::as_bytes(page), false, 0644);
  };
  write("jobhost", man_page(app));
  for (const auto& [group, names] : kCommandGroups) {
    for (const auto& name : names) write("jobhost-" + name, man_page(app, name));
  }
}

/// By the man of this machine; false where there is none.
bool show(Session& session, const std::string& page) {
  base::SpawnRequest request;
  request.in = ::memfd_create("page", MFD_CLOEXEC);
  request.out = STDOUT_FILENO;
  request.err = STDERR_FILENO;
  request.arguments = {"man", "-l", "-"};
  for (char** entry = environ; *entry; ++entry) request.environment.emplace_back(*entry);
  request.program = base::program_path("man");
  const bool whole = session.env.write(request.in, page.data(), page.size()) == static_cast<ssize_t>(page.size());
  if (request.program.empty() || !whole) return false;
  ::lseek(request.in, 0, SEEK_SET);
  const int pid = session.env.spawn(request);
  base::ExitStatus status;
  if (pid > 0) session.env.wait(pid, true, status);
  return pid > 0 && !status.signaled && status.code == 0;
}

void print_page(const CLI::App& app, Session& session, const std::string& command) {
  std::vector<std::string> commands;
  for (const auto& [group, names] : kCommandGroups) commands.insert(commands.end(), names.begin(), names.end());
  if (!command.empty() && std::find(commands.begin(), commands.end(), command) == commands.end()) {
    const auto near = base::nearest(command, commands);
    throw base::Error(base::ExitCode::kUsage, "there is no command '" + command + "'",
                      near ? "did you mean 'jobhost man " + *near + "'?" : "try: jobhost --help");
  }
  const std::string page = command.empty() ? man_page(app) : man_page(app, command);
  if (::isatty(1) == 1 && show(session, page)) return;
  std::fputs(page.c_str(), stdout);
}

}  // namespace

void add_man_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<ManOptions>();
  auto* command = app.add_subcommand("man", "Print the manual page of jobhost, or of one of its commands");
  command->add_option("command", options->command, "run, for instance")->type_name("COMMAND");
  command->add_option("--all", options->folder, "Write every page to a folder instead")->type_name("FOLDER");
  command->callback([&app, &session, options] {
    if (options->folder.empty()) {
      print_page(app, session, options->command);
    } else {
      write_pages(app, session, options->folder);
    }
  });
  command->footer("On a terminal, to read; elsewhere as its source: jobhost man run >jobhost-run.1");
}

}  // namespace jobhost::cli
