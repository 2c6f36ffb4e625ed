#include "store/store.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/beneath.hpp"
#include "base/lag.hpp"
#include "base/suggest.hpp"
#include "base/trust.hpp"

namespace jobhost::store {
namespace {

/// As completion in a shell leaves them behind a directory's name.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

bool is_job(base::Env& env, const JobDirectory& directory) {
  if (base::may_lag(env, directory.path())) {
    const auto names = base::names_in(env, directory.path());
    if (!std::binary_search(names.begin(), names.end(), "MANIFEST")) return false;
  }
  return base::exists(env, directory.manifest());
}

Store::Store(base::Env& env, std::string path) : env_(env), path_(base::absolute_path(path)) {}

std::string Store::default_path() {
  const char* set = std::getenv("JOBHOST_STORE");
  return set && *set ? set : ".jobhost";
}

JobDirectory Store::create_job() {
  const bool fresh = !base::exists(env_, path_);
  base::make_directories(env_, path_);
  base::require_safe_place(env_, path_);
  if (fresh) base::write_file_atomically(env_, path_ + "/.gitignore", base::as_bytes("*\n"), false, 0600);
  for (;;) {
    const auto seconds = static_cast<std::time_t>(env_.wall_ns() / 1'000'000'000ULL);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S-", &utc);
    JobDirectory job(path_ + "/" + stamp + base::random_hex(env_, 2));
    const int made = env_.make_directory(job.path(), 0700);
    if (made == -EEXIST) continue;
    if (made < 0) base::throw_file_error(made, "make the directory", job.path());
    try {
      for (const auto& folder :
           {job.blobs(), job.inputs(), job.workers(), job.logs(), job.claims(), job.host(), job.printed()}) {
        base::make_directories(env_, folder);
      }
    } catch (const base::Error&) {
      base::remove_tree(env_, job.path());
      throw;
    }
    return job;
  }
}

std::vector<std::string> Store::jobs() {
  std::vector<std::string> jobs;
  std::vector<std::pair<std::int64_t, std::string>> by_age;  // a manifest never changes, so its time is the job's
  for (auto& name : base::names_in(env_, path_)) {
    if (!is_job_name(name)) continue;
    const JobDirectory job(path_ + "/" + name);
    if (!is_job(env_, job)) continue;
    const auto manifest = base::status_if_exists(env_, job.manifest());
    if (manifest) by_age.emplace_back(manifest->modified_ns, std::move(name));
  }
  std::sort(by_age.begin(), by_age.end());
  for (auto& [age, name] : by_age) jobs.push_back(std::move(name));
  return jobs;
}

Found Store::find(const std::string& job, const std::function<std::string(const JobDirectory&)>& label_of) {
  const Found direct{JobDirectory(without_slashes(base::absolute_path(job))), true};
  const auto is_directory = [&] { return !job.empty() && is_job(env_, direct.directory); };
  const auto own = [&](const std::string& id) { return Found{JobDirectory(path_ + "/" + id), false}; };
  if (job.find('/') != std::string::npos) {
    if (is_directory()) return direct;
    throw base::Error(base::ExitCode::kUsage, "'" + job + "' is not a job directory: it has no MANIFEST");
  }
  const auto known = jobs();
  if (known.empty()) {
    if (is_directory()) return direct;
    throw base::Error(base::ExitCode::kUsage, "there are no jobs in the store '" + path_ + "'",
                      "JOBHOST_STORE or --store names another store");
  }
  if (job == "@last") {
    const auto last = std::find_if(known.rbegin(), known.rend(), [&](const std::string& id) {
      return !base::exists(env_, JobDirectory(path_ + "/" + id).audit());
    });
    return own(last == known.rend() ? known.back() : *last);
  }
  std::vector<std::string> matches;
  for (const auto& id : known) {
    if (id == job) return own(id);
    // The random end of an id is what people retype.
    if (id.starts_with(job) || id.ends_with("-" + job)) matches.push_back(id);
  }
  if (matches.size() == 1) return own(matches[0]);
  std::vector<std::string> labelled;
  for (const auto& id : known) {
    if (label_of(own(id).directory) == job) labelled.push_back(id);
  }
  if (!labelled.empty()) return {own(labelled.back()).directory, false, labelled.size() - 1};
  if (is_directory()) return direct;
  if (matches.empty()) {
    auto names = known;
    names.emplace_back("@last");
    const auto near = base::nearest(job, names);
    throw base::Error(base::ExitCode::kUsage, "no job '" + job + "' in the store '" + path_ + "'",
                      (near ? "did you mean '" + *near + "'?" : "the last one is '" + known.back() + "'") +
                          "\nlist all with: jobhost ls");
  }
  throw base::Error(base::ExitCode::kUsage, "'" + job + "' fits " + std::to_string(matches.size()) + " jobs",
                    "among them " + matches[0] + " and " + matches[1]);
}

}  // namespace jobhost::store
