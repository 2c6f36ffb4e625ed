#include "cli/capsule.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/program.hpp"
#include "base/unfinished.hpp"
#include "cli/signals.hpp"
#include "cli/tar_reader.hpp"
#include "host/verification.hpp"
#include "store/store.hpp"

namespace jobhost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kLabel = "/CAPSULE";
constexpr std::uint64_t kLabelLimit = 4096;

void run_tar(base::Env& env, std::vector<std::string> words, const std::string& target) {
  constexpr std::uint64_t kLongestNs = UINT64_MAX;
  words.insert(words.begin(), base::find_program("tar"));
  const base::ProgramEnd end = base::run_program(env, std::move(words), kLongestNs);
  if (end.succeeded()) return;
  throw base::Error(base::ExitCode::kBackendFailed, "cannot write '" + target + "': " + end.why());
}

}  // namespace

std::string TemporaryDirectory::parent() {
  const char* set = std::getenv("TMPDIR");
  return set && *set == '/' ? set : "/tmp";
}

bool TemporaryDirectory::is_name(const std::string& name) {
  const std::string_view begin = "jobhost-";
  return name.size() == begin.size() + 16 && name.starts_with(begin) &&
         name.find_first_not_of("0123456789abcdef", begin.size()) == name.npos;
}

TemporaryDirectory::TemporaryDirectory(base::Env& env) : env_(env) {
  path_ = parent() + "/jobhost-" + base::random_hex(env, 8);
  if (const int made = env.make_directory(path_, 0700); made < 0) {
    base::throw_file_error(made, "make the directory", path_);
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  try {
    base::remove_tree(env_, path_);
  } catch (const base::Error&) {
    // What cannot be removed stays: the work is done.
  }
}

void write_capsule(base::Env& env, const host::Job& job, std::uint64_t task, const std::string& path,
                   const std::vector<std::string>& command) {
  Signals::install();
  const TemporaryDirectory folder(env);
  store::Store store(env, folder.path());
  const host::Job alone = host::resubmit(env, store, job, {task}, "", command, {.new_digests = false});
  const std::string& id = alone.manifest.job;
  const Json label = {{"capsule", 1}, {"job", id}, {"manifest_sha256", alone.manifest_sha256}};
  base::write_file_atomically(env, folder.path() + kLabel, base::as_bytes(label.dump() + "\n"), false);
  const std::string interrupted = "interrupted: no capsule was written";
  Signals::throw_if_asked(interrupted);
  const std::string fresh = base::unfinished_name(path, "." + base::random_hex(env, 8) + ".part");
  try {
    run_tar(env,
            {"--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-C", folder.path(), "-cf",
             fresh, kLabel + 1, id},
            path);
    Signals::throw_if_asked(interrupted);
    if (const int failure = env.rename(fresh, path); failure < 0) base::throw_file_error(failure, "rename to", path);
  } catch (...) {
    env.remove(fresh);
    throw;
  }
}

Capsule::Capsule(base::Env& env, const std::string& path) : folder_(env) {
  try {
    unpack_tar(env, path, folder_.path());
    open(env);
  } catch (const base::Error& error) {
    if (error.code() != base::ExitCode::kDamaged) throw;
    std::string why = error.what();
    for (std::size_t at; (at = why.find(folder_.path() + "/")) != std::string::npos;) {
      why.erase(at, folder_.path().size() + 1);
    }
    throw base::Error(base::ExitCode::kDamaged, "'" + path + "' is no capsule, or was changed: " + why);
  }
}

void Capsule::open(base::Env& env) {
  const auto refuse = [](const std::string& why) { throw base::Error(base::ExitCode::kDamaged, why); };
  if (!base::exists(env, folder_.path() + kLabel)) refuse("there is no CAPSULE in it");
  const auto bytes = base::read_file(env, folder_.path() + kLabel, kLabelLimit);
  const Json label = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!label.is_object() || label.value("capsule", Json()) != 1 || !label.value("job", Json()).is_string() ||
      !label.value("manifest_sha256", Json()).is_string()) {
    refuse("CAPSULE does not say what is in it");
  }
  const std::string id = label.at("job");
  const store::JobDirectory directory(folder_.path() + "/" + id);
  if (id.empty() || id[0] == '.' || id.find('/') != std::string::npos || !base::exists(env, directory.manifest())) {
    refuse("there is no job '" + id + "' in it");
  }
  job_ = host::open_job(env, directory);
  if (job_->manifest_sha256 != label.at("manifest_sha256")) refuse("MANIFEST does not match its digest");
  if (job_->manifest.tasks != 1) refuse("its job has " + std::to_string(job_->manifest.tasks) + " tasks");
  const auto found = host::verify(env, *job_);
  if (!found.damaged.empty()) refuse(host::in_words(found.damaged[0]));
}

bool names_capsule(base::Env& env, const std::string& name) {
  const int fd = env.open(name, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return false;
  base::FileStatus status;
  const bool regular = env.status(fd, status) >= 0 && S_ISREG(status.mode);
  env.close(fd);
  return regular;
}

}  // namespace jobhost::cli
