#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/document.hpp"
#include "cli/job_names.hpp"
#include "cli/session.hpp"
#include "host/verification.hpp"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

struct KeepOptions {
  std::string job = "@last";
  std::vector<std::string> jobs;
  bool json = false, dry_run = false;
  double days = 30;
};

void verify(Session& session, const KeepOptions& options) {
  const host::Job job = open_job(session, options.job);
  const auto found = host::verify(session.env, job);
  if (!found.damaged.empty()) session.exit_code = static_cast<int>(base::ExitCode::kDamaged);
  if (options.json) {
    return print_document({{"job", job.manifest.job},
                           {"sound", found.damaged.empty()},
                           {"damaged", found.damaged},
                           {"notes", found.notes},
                           {"blobs", found.blobs},
                           {"packs", found.packs},
                           {"frames", found.frames},
                           {"tasks", found.tasks}});
  }
  std::printf("job %s: %llu files of code, %llu of inputs, results of %llu tasks in %llu frames\n",
              job.manifest.job.c_str(), static_cast<unsigned long long>(found.blobs),
              static_cast<unsigned long long>(found.packs), static_cast<unsigned long long>(found.tasks),
              static_cast<unsigned long long>(found.frames));
  for (const auto& note : found.notes) std::printf("note: %s\n", note.c_str());
  for (const auto& damage : found.damaged) std::printf("damaged: %s\n", damage.c_str());
  std::printf(found.damaged.empty() ? "sound\n" : "what is damaged is never believed; resume computes it again\n");
}

void remove(Session& session, const KeepOptions& options) {
  std::vector<store::JobDirectory> doomed;  // all are looked up before the first is removed
  store::Store store = session.store();
  for (const auto& name : options.jobs) {
    doomed.push_back(store.find(name));
    try {
      const host::Job job = host::open_job(session.env, doomed.back());
      if (state_of(session.env, job).starts_with("running")) {
        throw base::Error(base::ExitCode::kUsage, "job " + job.manifest.job + " is running",
                          "end it first: jobhost cancel " + job.manifest.job);
      }
    } catch (const base::Error& error) {
      if (error.code() != base::ExitCode::kDamaged) throw;  // a damaged job can be removed
    }
  }
  for (const auto& directory : doomed) {
    session.env.remove(directory.manifest());  // from here on the job does not exist
    base::remove_tree(session.env, directory.path());
    session.say("removed " + directory.path());
  }
}

std::uint64_t bytes_in(base::Env& env, const std::string& path) {
  base::FileStatus status;
  if (env.status(path, status) < 0) return 0;
  if (!S_ISDIR(status.mode)) return status.size;
  std::uint64_t bytes = 0;
  std::vector<std::string> names;
  env.list(path, names);
  for (const auto& name : names) bytes += bytes_in(env, path + "/" + name);
  return bytes;
}

bool older_than(base::Env& env, const std::string& path, double days) {
  base::FileStatus status;
  if (env.status(path, status) < 0) return false;
  const double age = static_cast<double>(env.wall_ns()) - static_cast<double>(status.modified_ns);
  return age > days * 86400e9;
}

/// Folders that nothing refers to: submissions that were cut off, and code that no job used for a while.
std::vector<std::string> garbage(Session& session, double days) {
  constexpr double kHour = 1.0 / 24;
  std::vector<std::string> found, names;
  std::set<std::string> needed;
  const std::string store = session.store().path(), cache = worker::private_cache(session.env);
  session.env.list(store, names);
  for (const auto& name : names) {
    const store::JobDirectory directory(store + "/" + name);
    const bool is_job = base::exists(session.env, directory.manifest());
    const bool was_to_be_one =
        base::exists(session.env, directory.blobs()) && base::exists(session.env, directory.claims());
    if (!is_job && was_to_be_one && older_than(session.env, directory.path(), kHour)) found.push_back(directory.path());
    if (!is_job || directory.is_done(session.env)) continue;
    std::vector<std::string> blobs;
    session.env.list(directory.blobs(), blobs);
    needed.insert(blobs.begin(), blobs.end());
  }
  for (const std::string folder : {"", "/build"}) {
    names.clear();
    session.env.list(cache + folder, names);
    for (const auto& name : names) {
      const std::string path = cache + folder + "/" + name;
      if (name != "build" && !needed.contains(name) && older_than(session.env, path, days)) found.push_back(path);
    }
  }
  return found;
}

void collect(Session& session, const KeepOptions& options) {
  std::uint64_t bytes = 0;
  const auto found = garbage(session, options.days);
  for (const auto& path : found) {
    bytes += bytes_in(session.env, path);
    std::printf("%s %s\n", options.dry_run ? "would remove" : "removed", path.c_str());
    if (!options.dry_run) base::remove_tree(session.env, path);
  }
  session.say(std::to_string(found.size()) + " folders, " + std::to_string(bytes >> 10) + " KiB");
}

}  // namespace

void add_keep_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<KeepOptions>();
  auto* verify_command = app.add_subcommand("verify", "Check every byte of a job against its digests and checksums");
  add_job_option(*verify_command, options->job);
  verify_command->add_flag("--json", options->json, "Print one JSON document");
  verify_command->callback([&session, options] { verify(session, *options); });
  auto* rm_command = app.add_subcommand("rm", "Remove jobs and all their results");
  rm_command->add_option("job", options->jobs, "Ids, unique prefixes, paths, or @last")->type_name("JOB")->required();
  rm_command->callback([&session, options] { remove(session, *options); });
  auto* gc_command = app.add_subcommand("gc", "Remove what was left behind: cut-off submissions, code no job uses");
  gc_command->add_option("--days", options->days, "Code unused for so many days")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(0.0, 1e5));
  gc_command->add_flag("--dry-run", options->dry_run, "Only say what would be removed");
  gc_command->callback([&session, options] { collect(session, *options); });
}

}  // namespace jobhost::cli
