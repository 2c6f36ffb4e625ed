#include "worker/stage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/trust.hpp"

namespace jobhost::worker {
namespace {

std::string stage(base::Env& env, const std::string& cache, const store::JobDirectory& job, const bundle::Blob& blob) {
  if (!base::exists(env, job.blob(blob.sha256))) {  // even if it were in the cache: it would not be for long
    throw base::Error(base::ExitCode::kDamaged, "'" + job.blob(blob.sha256) + "' (" + blob.name + ") is missing",
                      "the job's copy of the code is gone; submit the job again");
  }
  const std::string folder = cache + "/" + blob.sha256, path = folder + "/" + blob.name;
  env.touch(folder);  // in use, for gc: it gives back what was touched before it looked
  if (const auto there = base::File::open_if_exists(env, path, O_RDONLY | O_NOFOLLOW)) {
    if (base::sha256_hex_of_file(env, there->fd(), path) == blob.sha256) return path;
    env.remove(path);  // a copy that was cut short, or disk rot: made again below
  }
  base::make_directories(env, folder);
  const auto source = job.open_blob(env, blob.sha256);
  if (base::copy_verified(env, source, path, 0500, blob.sha256)) return path;
  throw base::Error(base::ExitCode::kDamaged,
                    "'" + job.blob(blob.sha256) + "' (" + blob.name + ") does not match its digest",
                    "the job's copy of the code is damaged; submit the job again");
}

}  // namespace

std::string private_cache(base::Env& env) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::string path = "/tmp/jobhost-" + std::to_string(::getuid());
  if (cache && *cache == '/') {
    path = std::string(cache) + "/jobhost";
  } else if (home && *home == '/' && ::access(home, W_OK | X_OK) == 0) {
    path = std::string(home) + "/.cache/jobhost";
  }
  base::make_directories(env, path);
  base::FileStatus status;
  if (const int failure = env.status(path, status); failure < 0) base::throw_file_error(failure, "look at", path);
  if (!S_ISDIR(status.mode) || status.owner != ::getuid() || (status.mode & 022) != 0) {
    throw base::Error(base::ExitCode::kPluginRefused,
                      "the code cache '" + path + "' is not a directory that only you can write to",
                      "chmod 700 it, or point XDG_CACHE_HOME elsewhere");
  }
  base::require_safe_place(env, path);
  return path;
}

StagedCode stage_code(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest) {
  for (const auto& library : manifest.libraries) {
    for (const char* ours : {"ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"}) {
      if (library.name != ours) continue;
      throw base::Error(base::ExitCode::kPluginRefused, "the job brings a '" + library.name + "' of its own",
                        "only the system's can be used: a process has one C library");
    }
  }
  const std::string cache = private_cache(env);
  StagedCode staged;
  for (const auto& library : manifest.libraries) staged.libraries.push_back(stage(env, cache, job, library));
  staged.plugin = stage(env, cache, job, manifest.plugin);
  return staged;
}

}  // namespace jobhost::worker
