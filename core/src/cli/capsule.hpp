#pragma once

#include <optional>
#include <string>

#include "base/env.hpp"
#include "host/submission.hpp"

/// Capsules: one task in one file that runs anywhere, a tar archive of
///   CAPSULE        {"capsule": 1, "job": ID, "manifest_sha256": "…"}
///   ID/…           a complete job directory whose only task is this one (docs/job_directory.md)
namespace jobhost::cli {

/// A fresh directory (0700) in $TMPDIR or /tmp that goes with this object, and all that is in it.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(base::Env& env);
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }
  /// Where they are made, and whether a name there is of one; for those that a killed process leaves behind.
  static std::string parent();
  static bool is_name(const std::string& name);

 private:
  base::Env& env_;
  std::string path_;
};

/// Writes the capsule of a task; `path` appears complete or not at all. Runs the system's tar. `command` as for
/// host::resubmit.
void write_capsule(base::Env& env, const host::Job& job, std::uint64_t task, const std::string& path,
                   const std::vector<std::string>& command);

/// A capsule that is unpacked as long as this object lives, every byte of it verified.
class Capsule {
 public:
  /// Throws Error(kDamaged) with one sentence.
  Capsule(base::Env& env, const std::string& path);
  /// Its task is number 0.
  const host::Job& job() const { return *job_; }

 private:
  void open(base::Env& env);

  TemporaryDirectory folder_;
  std::optional<host::Job> job_;
};

/// True when `name` is a regular file: a capsule, where a task is asked for.
bool names_capsule(base::Env& env, const std::string& name);

}  // namespace jobhost::cli
