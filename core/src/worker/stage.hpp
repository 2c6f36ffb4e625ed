#pragma once

#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "store/job_directory.hpp"

namespace jobhost::worker {

/// The job's code, copied out of the job directory.
struct StagedCode {
  std::string plugin;
  std::vector<std::string> libraries;  // in load order
};

/// Copies the plugin and its libraries into this user's private cache (<cache>/<sha256>/<name>, directories 0700, files
/// 0500) unless they are there, hashing what is then loaded. Nothing that happens to the original files or to the job
/// directory afterwards reaches the workers. Throws Error(kDamaged) when a blob does not match its digest.
StagedCode stage_code(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest);

/// $XDG_CACHE_HOME/jobhost, ~/.cache/jobhost, or /tmp/jobhost-<uid> without a home to write to. Throws
/// Error(kPluginRefused) when the directory belongs to somebody else or others may write to it.
std::string private_cache(base::Env& env);

}  // namespace jobhost::worker
