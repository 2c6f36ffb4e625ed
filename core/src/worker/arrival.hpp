#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bundle/manifest.hpp"
#include "store/job_directory.hpp"

namespace jobhost::worker {

/// Waits for files of a job that another machine has made and this one may not see yet.
class Arrival {
 public:
  /// `patience_ns`: for all files together; with 0 nothing is waited for or looked at. `stop_requests` outlives it.
  Arrival(base::Env& env, store::JobDirectory job, const std::atomic<int>& stop_requests, std::uint64_t patience_ns);

  /// Returns once all of these files are there, or false when a stop is asked for. Throws Error(kBackendFailed), which
  /// names the first that is missing, when patience is at its end.
  bool await(const std::vector<std::string>& paths);

 private:
  bool seen(const std::string& path);
  base::Error missing(const std::string& path) const;

  base::Env& env_;
  store::JobDirectory job_;
  const std::atomic<int>& stop_requests_;
  std::uint64_t patience_ns_, begin_;
};

/// Code and inputs of a job: all that a worker needs beside MANIFEST.
std::vector<std::string> files_of(const store::JobDirectory& job, const bundle::Manifest& manifest);

}  // namespace jobhost::worker
