#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/capsule.hpp"
#include "cli/job_names.hpp"
#include "cli/load_script.hpp"
#include "cli/output_target.hpp"
#include "cli/provenance.hpp"
#include "cli/result_rows.hpp"
#include "cli/row_output.hpp"
#include "cli/session.hpp"
#include "host/named_files.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ExportOptions {
  std::string what, file;
  bool merged = false, timing = false, with_reader = false;
};

/// "not in the capsule: 'd.txt', which the task's arguments name"
void say_left_out(Session& session, const host::Job& job, const host::Names& names, const std::string& who) {
  constexpr std::size_t kMostNamed = 5;
  std::string list;
  std::size_t count = 0;
  for (const auto& name : names) {
    base::FileStatus status;
    const std::string path = host::path_from(job.manifest.context.working_directory, name);
    const auto& recorded = job.manifest.provenance.files;
    const bool was_there = std::any_of(recorded.begin(), recorded.end(), [&](const auto& file) {
      return file.path == name && file.read_by != bundle::InputFile::ReadBy::kHost;
    });
    const bool is_there = !name.empty() && name.find('\0') == std::string::npos &&
                          session.env.status(path, status) >= 0 && S_ISREG(status.mode);
    if ((is_there || was_there) && count++ < kMostNamed) list += (list.empty() ? "'" : ", '") + name + "'";
  }
  if (count == 0) return;
  if (count > kMostNamed) list += " and " + std::to_string(count - kMostNamed) + " more files";
  session.say("not in the capsule: " + list + ", which " + who + " name");
}

void export_task(Session& session, const ExportOptions& options, const std::string& file) {
  if (!file.ends_with(".tar")) {
    throw base::Error(base::ExitCode::kUsage,
                      "a capsule is a tar archive, and '" + options.file + "' does not end in .tar");
  }
  const auto [job, task] = open_task(session, options.what);
  write_capsule(session.env, job, task, output_path(session.env, file), session.command);
  session.say("task " + std::to_string(task) + " of job " + job.manifest.job + " is in " + options.file +
              ": jobhost replay " + options.file);
  say_left_out(session, job, host::names_of_task(session.env, job, task), "the task's arguments");
  const auto descriptions = host::descriptions_of(session.env, job);
  say_left_out(session, job, host::names_in(host::initialiser_arguments(job.manifest, descriptions)),
               "the initialiser's arguments");
  say_left_out(session, job, host::names_in(host::captured_globals(job.manifest, descriptions)), "captured globals");
}

/// The name is taken where people keep programs of their own.
void require_replaceable(base::Env& env, const std::string& reader) {
  constexpr std::uint64_t kLongest = 1 << 20;
  if (!base::exists(env, reader)) return;
  if (is_load_script(std::string(base::as_text(base::read_file(env, reader, kLongest))))) return;
  throw base::Error(base::ExitCode::kUsage, "'" + reader + "' is there already, and jobhost did not write it",
                    "export to another folder, or rename that file");
}

/// Rows, and beside them how they came to be.
void export_results(Session& session, const ExportOptions& options, const std::string& file) {
  const host::Job job = open_job(session, options.what);
  bundle::Output output{file, ""};
  output.timing = options.timing;
  check_output(session.env, output);
  const std::string folder = file.substr(0, file.rfind('/') + 1), reader = folder + "load.py";
  std::string script;
  if (options.with_reader) {
    script = load_script(file.substr(folder.size()), shown_kernel(job, output, options.merged));
    require_replaceable(session.env, reader);
  }
  const std::string provenance = output_path(session.env, file + ".provenance.json");
  const auto written = write_results(session, job, output, options.merged);
  const std::string text =
      provenance_of(session.env, written).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  base::write_file_atomically(session.env, provenance, base::as_bytes(text), false, 0666);
  if (options.with_reader) base::write_file_atomically(session.env, reader, base::as_bytes(script), false, 0666);
  session.say("wrote " + file + ": " + in_words(written) + "; and beside it " +
              provenance.substr(provenance.rfind('/') + 1) + (options.with_reader ? " and load.py" : ""));
  if (const std::string note = left_out_words(job, output); !note.empty()) session.say(note);
}

void export_job(Session& session, const ExportOptions& options) {
  const std::string file = base::absolute_path(options.file);
  if (names_task(session, options.what)) return export_task(session, options, file);
  if (file.ends_with(".tar")) {
    throw base::Error(base::ExitCode::kUsage, "'" + options.what + "' names no task, and a capsule holds just one",
                      "write JOB/TASK, as in " + options.what + "/0");
  }
  export_results(session, options, file);
}

}  // namespace

void add_export_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<ExportOptions>();
  auto* command =
      app.add_subcommand("export", "One task as a capsule that runs elsewhere, or a job's results for others");
  command->add_option("what", options->what, "A task, or a job")->type_name("JOB[/TASK]")->required();
  command
      ->add_option(
          "file,-o,--output", options->file,
          std::string("Of a task: the capsule, as in case.tar. Of a job: rows (") + kEndings +
              "), with FILE.provenance.json beside them, which says how many there are, and whether they are all")
      ->type_name("FILE")
      ->required();
  command->add_flag("--merged", options->merged, "The latest of each task, as in jobhost results --merged");
  command->add_flag("--timing", options->timing, "A column 'seconds' in each row: how long the task took");
  command->add_flag("--with-reader", options->with_reader,
                    "A Python program load.py beside the file that loads it into pandas, NumPy or xarray");
  command->callback([&session, options] { export_job(session, *options); });
  command->footer(
      "A capsule holds code, inputs and context of the task, but no files that these name: jobhost replay case.tar");
}

}  // namespace jobhost::cli
