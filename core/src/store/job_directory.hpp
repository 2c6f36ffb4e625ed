#pragma once

#include <cstdint>
#include <string>

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
  std::string cancel() const { return host() + "/cancel"; }
  /// An empty file whose name vouches for MANIFEST.
  std::string voucher(const std::string& manifest_sha256) const { return host() + "/manifest." + manifest_sha256; }
  std::string submitter() const { return host() + "/submitter"; }  // identity of who makes the job, until it is one
  std::string audit() const { return host() + "/audit"; }          // there when the job only checks another one
  std::string printed() const { return path_ + "/printed"; }       // what kernels print

 private:
  std::string path_;
};

}  // namespace jobhost::store
