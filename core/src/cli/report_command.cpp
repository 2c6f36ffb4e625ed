#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/job_names.hpp"
#include "cli/output_target.hpp"
#include "cli/report_document.hpp"
#include "cli/report_page.hpp"
#include "cli/session.hpp"

namespace jobhost::cli {
namespace {

struct ReportOptions {
  std::string job = "@last", file;
  bool json = false;
};

void report(Session& session, const ReportOptions& options) {
  const std::size_t slash = options.job.rfind('/');
  if (names_task(session, options.job) && options.job.find_first_not_of("0123456789", slash + 1) == std::string::npos) {
    throw base::Error(base::ExitCode::kUsage, "report takes a job, not a task as '" + options.job + "'",
                      "for the job: jobhost report " + options.job.substr(0, slash));
  }
  const host::Job job = open_job(session, options.job);
  const std::string document = report_document(session.env, job);
  if (options.json && options.file.empty()) {
    std::printf("%s\n", document.c_str());
    return;
  }
  const std::string file = options.file.empty() ? "report-" + job.manifest.job + ".html" : options.file;
  const std::string path = output_path(session.env, base::absolute_path(file));
  const std::string text = options.json ? document + '\n' : report_page(session.env, document, false);
  base::write_file_atomically(session.env, path, base::as_bytes(text), false, 0666);
  session.say("wrote " + file);
}

}  // namespace

void add_report_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<ReportOptions>();
  auto* command = app.add_subcommand("report", "A job in one HTML file: verdict, plots, failures, who worked when");
  add_job_option(*command, options->job);
  command->add_option("-o,--output", options->file, "Write FILE (default: report-JOB.html)")->type_name("FILE");
  command->add_flag("--json", options->json, "What the report shows as one JSON document, printed or with -o written");
  command->callback([&session, options] { report(session, *options); });
  command->footer(
      "The file needs no network and no other file: it can be sent by mail, printed, and opened years later.\n"
      "Of many tasks it shows a sample, and says so; numbers and plots marked as such are those of all tasks.");
}

}  // namespace jobhost::cli
