#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "backend/backend.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/capsule.hpp"
#include "cli/document.hpp"
#include "cli/job_names.hpp"
#include "cli/one_line.hpp"
#include "cli/output_file.hpp"
#include "cli/session.hpp"
#include "host/merged_stream.hpp"
#include "host/verification.hpp"
#include "store/party.hpp"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

struct KeepOptions {
  std::string job = "@last";
  std::vector<std::string> jobs;
  bool json = false, dry_run = false;
  double days = 30;
};

using Json = nlohmann::ordered_json;

/// "200 tasks: 38 succeeded, 2 failed, 160 missing"
std::string tally(const host::Job& job, const host::Verification& found) {
  const std::uint64_t missing = job.manifest.tasks - found.tasks;
  return count_of(job.manifest.tasks, "task") + ": " + std::to_string(found.tasks - found.failed) + " succeeded, " +
         std::to_string(found.failed) + " failed, " + (missing == 0 ? "none" : std::to_string(missing)) + " missing";
}

/// The command that completes the job; "" where none is missing, or none helps.
std::string way_on(base::Env& env, const host::Job& job, const host::Verification& found) {
  if (found.tasks == job.manifest.tasks) return "";
  const std::string state = state_of(env, job);
  if (state == "running" || state == "cancelling") return "jobhost attach " + job.called;
  return found.code_damaged || found.inputs_damaged ? "" : "jobhost resume " + job.called;
}

/// What can still be done with a damaged job.
std::vector<std::string> what_remains(base::Env& env, const host::Job& job, const host::Verification& found) {
  const std::uint64_t missing = job.manifest.tasks - found.tasks;
  std::vector<std::string> sentences;
  if (missing == 0) {
    sentences.push_back("all results are there, and nothing has to be done: jobhost results " + job.called);
    if (found.code_damaged || found.inputs_damaged) {
      sentences.push_back("what is damaged is needed only to run tasks again (retry, replay, audit)");
    }
    return sentences;
  }
  if (found.tasks > 0) {
    sentences.push_back(count_of(found.tasks, "task") + " can be read: jobhost results " + job.called);
  }
  if (found.code_damaged) {
    sentences.push_back("workers refuse damaged code: submit the missing tasks again, or jobhost retry --plugin");
  } else if (found.inputs_damaged) {
    sentences.push_back("tasks whose inputs are damaged cannot be computed: submit them again");
  } else if (const std::string command = way_on(env, job, found); !command.empty()) {
    sentences.push_back("what is missing is computed by: " + command);
  }
  return sentences;
}

Json to_json(const std::vector<host::Finding>& findings) {
  Json list = Json::array();
  for (const auto& finding : findings) {
    list.push_back(
        {{"file", finding.file}, {"byte", finding.byte ? Json(*finding.byte) : Json()}, {"what", finding.what}});
  }
  return list;
}

void verify(Session& session, const KeepOptions& options) {
  const host::Job job = open_job(session, options.job);
  const auto found = host::verify(session.env, job);
  const bool sound = found.damaged.empty();
  if (!sound) session.exit_code = static_cast<int>(base::ExitCode::kDamaged);
  const std::string command = way_on(session.env, job, found);
  const auto remains = sound ? std::vector<std::string>() : what_remains(session.env, job, found);
  if (options.json) {
    return print_document({{"job", job.manifest.job},
                           {"sound", sound},
                           {"complete", found.tasks == job.manifest.tasks},
                           {"succeeded", found.tasks - found.failed},
                           {"failed", found.failed},
                           {"missing", job.manifest.tasks - found.tasks},
                           {"go_on", command.empty() ? Json() : Json(command)},
                           {"damaged", to_json(found.damaged)},
                           {"notes", to_json(found.notes)},
                           {"remains", remains},
                           {"blobs", found.blobs},
                           {"packs", found.packs},
                           {"frames", found.frames},
                           {"tasks", found.tasks}});
  }
  std::printf("job %s: %s of code, %s of inputs, %s of results were read\n", job.manifest.job.c_str(),
              count_of(found.blobs, "file").c_str(), count_of(found.packs, "file").c_str(),
              count_of(found.frames, "record").c_str());
  std::printf("%s%s\n", tally(job, found).c_str(), command.empty() ? "" : ("; go on with: " + command).c_str());
  for (const auto& note : found.notes) std::printf("note: %s\n", host::in_words(note).c_str());
  for (const auto& damage : found.damaged) std::printf("damaged: %s\n", host::in_words(damage).c_str());
  if (sound) return static_cast<void>(std::printf("sound\n"));
  for (const auto& sentence : remains) std::printf("remains: %s\n", sentence.c_str());
}

/// Whether a worker is alive. Those of other machines are watched for as long as their lease.
bool somebody_works(base::Env& env, const host::Job& job) {
  store::DeathWatch watch(env, job.directory, store::make_identity(env, "host"), job.manifest.lease_ms * 1'000'000);
  const std::uint64_t patience = env.monotonic_ns() + job.manifest.lease_ms * 1'000'000 + 500'000'000;
  for (;;) {
    const auto parties = store::all_parties(env, job.directory);
    const bool all_dead =
        std::all_of(parties.begin(), parties.end(), [&](const auto& party) { return watch.dead(party); });
    if (all_dead || env.monotonic_ns() > patience) return !all_dead;
    const auto self = store::make_identity(env, "host");
    for (const auto& party : parties) {
      if (!watch.dead(party) && store::life_of(env, party, self) == store::Life::kAlive) return true;
    }
    env.sleep_ns(200'000'000);
  }
}

bool is_repetition_of(const std::string& job, const bundle::Manifest& manifest) {
  return manifest.parent.job == job && manifest.label != host::audit_label(job);
}

/// What becomes of merged results without the job.
void say_what_changes(Session& session, const host::Job& doomed, const std::vector<store::JobDirectory>& all_doomed) {
  const auto& manifest = doomed.manifest;
  const auto stays = [&](const std::string& id) {
    return std::none_of(all_doomed.begin(), all_doomed.end(),
                        [&](const auto& directory) { return directory.path().ends_with("/" + id); });
  };
  store::Store store = session.store();
  for (const auto& id : store.jobs()) {
    if (!stays(id)) continue;
    if (is_repetition_of(id, manifest)) {
      session.say("note: what it repeated of job " + id + " is no longer in jobhost results " + id + " --merged");
      continue;
    }
    try {
      const auto other = host::open_job(session.env, store::JobDirectory(store.path() + "/" + id));
      if (!is_repetition_of(manifest.job, other.manifest)) continue;
      session.say("note: job " + id + " repeats tasks of it, and has nothing left to be merged with");
    } catch (const base::Error&) {
      // what it repeats is not known
    }
  }
}

void remove(Session& session, const KeepOptions& options) {
  std::vector<store::JobDirectory> doomed;  // all are looked up before the first is removed
  std::vector<host::Job> known;
  store::Store store = session.store();
  for (const auto& name : options.jobs) {
    const auto found = host::find_job(session.env, store, name);
    if (found.others > 0) {
      throw base::Error(base::ExitCode::kUsage, std::to_string(found.others + 1) + " jobs are called '" + name + "'",
                        "say which by their ids: jobhost ls");
    }
    doomed.push_back(found.directory);
    try {
      const host::Job job = open_job(session, name);
      if (somebody_works(session.env, job)) {
        throw base::Error(
            base::ExitCode::kUsage, "job " + job.manifest.job + " is running",
            "end it first: jobhost cancel " + job.called + (job.directory.is_cancelled(session.env) ? " --now" : ""));
      }
      known.push_back(job);
    } catch (const base::Error& error) {
      if (error.code() != base::ExitCode::kDamaged) throw;  // a damaged job can be removed
    }
  }
  for (const auto& job : known) {  // workers that wait in a queue are nobody's that could be seen to work
    if (const std::string trouble = backend::withdraw(session.env, job.directory.path(), true); !trouble.empty()) {
      session.say("note: what waits in a queue was not taken out (" + trouble + "): it ends soon after it begins");
    }
  }
  for (const auto& directory : doomed) {
    session.env.remove(directory.manifest());  // from here on the job does not exist
    base::remove_tree(session.env, directory.path());
    session.say("removed " + directory.path());
  }
  for (const auto& job : known) {
    remove_unfinished_output(session.env, job);
    say_what_changes(session, job, doomed);
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

constexpr double kHour = 1.0 / 24;  // in days
constexpr const char* kDoomed = ".gc-";

/// What is young is judged by the clock of the file system that says when things changed, which may be another
/// machine's.
class Age {
 public:
  Age(base::Env& env, const std::string& folder) : env_(env), now_(static_cast<std::int64_t>(env.wall_ns())) {
    const std::string probe = folder + "/" + kDoomed + base::random_hex(env, 8);
    const int fd = env.open(probe, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0) return;  // nothing can be removed there either
    base::FileStatus status;
    if (env.status(fd, status) >= 0) now_ = status.modified_ns;
    env.close(fd);
    env.remove(probe);
  }

  bool older(const std::string& path, double days) const {
    base::FileStatus status;
    return env_.status(path, status) >= 0 && static_cast<double>(now_ - status.modified_ns) > days * 86400e9;
  }
  /// The same for all that is in a folder.
  bool all_older(const std::string& path, double days) const {
    base::FileStatus status;
    if (env_.status(path, status) < 0 || !older(path, days)) return false;
    if (!S_ISDIR(status.mode)) return true;
    std::vector<std::string> names;
    if (env_.list(path, names) < 0) return false;
    return std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return all_older(path + "/" + name, days); });
  }

 private:
  base::Env& env_;
  std::int64_t now_;
};

/// What a submission or `rm` was cut off at: named like a job, without MANIFEST, and with nothing in it but what jobs
/// have.
bool is_part_of_job(base::Env& env, const std::string& path, const std::string& name) {
  constexpr std::string_view kShape = "dddddddd-dddddd-xxxx";  // as Store::create_job names them
  const auto fits = [](char c, char shape) {
    if (shape == '-') return c == '-';
    return (c >= '0' && c <= '9') || (shape == 'x' && c >= 'a' && c <= 'f');
  };
  if (name.size() != kShape.size() || !std::equal(name.begin(), name.end(), kShape.begin(), fits)) return false;
  if (!base::exists(env, path + "/.")) return false;
  static const std::set<std::string> kParts = {"blob", "claims",  "host",    "inputs",
                                               "logs", "printed", "workers", "DONE"};
  const auto parts = base::names_in(env, path);
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return kParts.contains(part) || part.starts_with("MANIFEST.") || part.starts_with("DONE.");
  });
}

/// Whether a folder without MANIFEST is what a submission that was cut off left behind. One that goes on can be silent
/// for long, when its inputs come from a slow program: who makes the job is asked where that can be done.
bool cut_off(base::Env& env, const Age& age, const store::JobDirectory& job, const std::string& name, double days) {
  if (store::is_job(env, job) || !is_part_of_job(env, job.path(), name)) return false;
  auto life = store::Life::kDead;
  try {
    if (base::exists(env, job.submitter())) {
      life = store::life_of(env, store::read_identity(env, job, job.submitter()), store::make_identity(env, "host"));
    }
  } catch (const base::Error&) {
    life = store::Life::kUnknown;
  }
  if (life == store::Life::kAlive) return false;
  return age.all_older(job.path(), life == store::Life::kDead ? kHour : std::max(days, 1.0));
}

struct Garbage {
  std::string path;
  double days;  // that it has not been used for
};

/// Folders that nothing refers to: submissions that were cut off, code that no job used for a while, and what a replay
/// that was killed left behind.
std::vector<Garbage> garbage(Session& session, double days) {
  base::Env& env = session.env;
  std::vector<Garbage> found;
  std::set<std::string> needed;
  const std::string store = session.store().path(), cache = worker::private_cache(env);
  const Age ages(env, store);
  for (const auto& name : base::names_in(env, store)) {
    const store::JobDirectory directory(store + "/" + name);
    const bool half_written = name.starts_with(kDoomed) || (name.starts_with(".gitignore.") && name.ends_with(".tmp"));
    if (half_written ? ages.older(directory.path(), kHour) : cut_off(env, ages, directory, name, days)) {
      found.push_back({directory.path(), kHour});
    }
    if (!store::is_job(env, directory) || directory.is_done(env)) continue;
    const auto blobs = base::names_in(env, directory.blobs());
    needed.insert(blobs.begin(), blobs.end());
  }
  // Jobs of other stores are not known here: their workers say every hour what they use.
  const double unused = std::max(days, 3 * kHour);
  const Age age(env, cache);
  for (const std::string folder : {"", "/build"}) {
    for (const auto& name : base::names_in(env, cache + folder)) {
      const std::string path = cache + folder + "/" + name;
      if (name != "build" && !needed.contains(name) && age.older(path, unused)) found.push_back({path, unused});
    }
  }
  const std::string temporary = TemporaryDirectory::parent();
  for (const auto& name : base::names_in(env, temporary)) {
    base::FileStatus status;
    const std::string path = temporary + "/" + name;
    if (!TemporaryDirectory::is_name(name) || env.status(path, status) < 0) continue;
    if (S_ISDIR(status.mode) && status.owner == ::getuid() && age.all_older(path, unused)) {
      found.push_back({path, unused});
    }
  }
  return found;
}

/// Takes a folder out of its place before it is removed: whoever begins to use it now does not find it and makes it
/// anew; whoever did just before has touched it, and gets it back.
bool take_away(base::Env& env, const Garbage& old) {
  const std::string parent = old.path.substr(0, old.path.rfind('/'));
  const std::string doomed = parent + "/" + kDoomed + base::random_hex(env, 8);
  if (env.rename(old.path, doomed) < 0) return false;  // somebody else was first
  if (!Age(env, parent).older(doomed, old.days) && !base::exists(env, old.path) && env.rename(doomed, old.path) >= 0) {
    return false;
  }
  base::remove_tree(env, doomed);
  return true;
}

void collect(Session& session, const KeepOptions& options) {
  std::uint64_t bytes = 0, count = 0;
  for (const auto& old : garbage(session, options.days)) {
    const std::uint64_t size = bytes_in(session.env, old.path);
    if (!options.dry_run && !take_away(session.env, old)) continue;
    if (session.verbose) std::printf("%s %s\n", options.dry_run ? "would remove" : "removed", old.path.c_str());
    bytes += size;
    ++count;
  }
  if (count == 0) {
    return session.say(
        fmt::format("nothing to remove: nothing that no job needs is older than {:g} days", options.days));
  }
  session.say(fmt::format("{} {} folder{}, {} KiB{}", options.dry_run ? "would remove" : "removed", count,
                          count == 1 ? "" : "s", bytes >> 10, session.verbose ? "" : " (-v lists them)"));
}

}  // namespace

void add_keep_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<KeepOptions>();
  auto* verify_command = app.add_subcommand("verify", "Check every byte of a job against its digests and checksums");
  add_job_option(*verify_command, options->job);
  verify_command->add_flag("--json", options->json, "Print one JSON document");
  verify_command->callback([&session, options] { verify(session, *options); });
  auto* rm_command = app.add_subcommand("rm", "Remove jobs and all their results");
  rm_command->add_option("job", options->jobs, "Ids, unique prefixes, labels, paths, or @last")
      ->type_name("JOB")
      ->required();
  rm_command->callback([&session, options] { remove(session, *options); });
  auto* gc_command = app.add_subcommand("gc", "Remove what was left behind: cut-off submissions, code no job uses");
  auto* days = gc_command->add_option("--days", options->days, "Code unused for so many days");
  days->capture_default_str()->type_name("N");
  days->check(CLI::Range(0.0, 1e5));
  days->check([](const std::string& word) {  // which the range lets pass
    return std::isnan(std::strtod(word.c_str(), nullptr)) ? "'" + word + "' is no number" : std::string();
  });
  gc_command->add_flag("--dry-run", options->dry_run, "Only say what would be removed");
  gc_command->callback([&session, options] { collect(session, *options); });
}

}  // namespace jobhost::cli
