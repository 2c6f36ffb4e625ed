#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.hpp"

/// Names of all that a job directory holds (docs/job_directory.md). A job exists if and only if its MANIFEST does.
namespace jobhost::store {

class JobDirectory {
 public:
  explicit JobDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string manifest() const { return path_ + "/MANIFEST"; }
  std::string done() const { return path_ + "/DONE"; }
  std::string blobs() const { return path_ + "/blob"; }
  std::string blob(const std::string& sha256) const { return blobs() + "/" + sha256; }
  std::string inputs() const { return path_ + "/inputs"; }
  std::string workers() const { return path_ + "/workers"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string claims() const { return path_ + "/claims"; }
  std::string host() const { return path_ + "/host"; }
  std::string owner(std::uint64_t epoch) const { return host() + "/owner." + std::to_string(epoch); }
  std::string refusals() const { return host() + "/refusals"; }
  std::string cancel() const { return host() + "/cancel"; }
  std::string cancel_now() const { return host() + "/cancel-now"; }
  /// An empty file whose name vouches for MANIFEST.
  std::string voucher(const std::string& manifest_sha256) const { return host() + "/manifest." + manifest_sha256; }
  std::string submitter() const { return host() + "/submitter"; }    // identity of who makes the job, until it is one
  std::string audit() const { return host() + "/audit"; }            // there when the job only checks another one
  std::string queue() const { return host() + "/queue"; }            // through which system workers were submitted
  std::string queue_script() const { return host() + "/queue.sh"; }  // what was submitted last
  std::string printed() const { return path_ + "/printed"; }         // what kernels print

  /// Throw Error(kDamaged) where something else than a file of this user's has that name.
  bool is_done(base::Env& env) const;
  bool is_cancelled(base::Env& env) const;
  bool is_cancelled_now(base::Env& env) const;  // of a cancelled job: running tasks are not waited for
  /// A file of code; Error(kDamaged) also when it is too large to be one.
  base::File open_blob(base::Env& env, const std::string& sha256) const;

 private:
  bool has(base::Env& env, const std::string& folder, const std::string& path) const;

  std::string path_;
};

/// Throws Error(kDamaged) unless the directory and its folders are this user's, and nobody else can put others in their
/// place. Returns sentences about those whom that leaves to be trusted.
std::vector<std::string> require_trusted(base::Env& env, const JobDirectory& job);

/// Names of what a job directory holds; files and folders of other names are never looked into.
bool is_party_id(const std::string& name);      // 32 hexadecimal digits, lower case
bool is_party_folder(const std::string& name);  // the first two of them
bool is_log_name(const std::string& name);      // <party>.<lane>.<generation>

/// Whether a name can be a job's: letters, digits, '-', '_' and '.', and neither of the last at its beginning.
bool is_job_name(const std::string& name);

}  // namespace jobhost::store
