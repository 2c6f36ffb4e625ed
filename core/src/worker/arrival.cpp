#include "worker/arrival.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "store/party.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kFirstPauseNs = 50'000'000, kLongestPauseNs = 2'000'000'000;

}  // namespace

Arrival::Arrival(base::Env& env, store::JobDirectory job, const std::atomic<int>& stop_requests,
                 std::uint64_t patience_ns)
    : env_(env),
      job_(std::move(job)),
      stop_requests_(stop_requests),
      patience_ns_(patience_ns),
      begin_(env.monotonic_ns()) {}

bool Arrival::await(const std::vector<std::string>& paths) {
  if (patience_ns_ == 0) return true;
  std::uint64_t pause = kFirstPauseNs;
  for (const auto& path : paths) {
    for (; !seen(path); pause = std::min(2 * pause, kLongestPauseNs)) {
      if (stop_requests_.load() > 0) return false;
      const std::uint64_t waited = env_.monotonic_ns() - begin_;
      if (waited >= patience_ns_) throw missing(path);
      env_.sleep_ns(std::min(pause, patience_ns_ - waited));
    }
  }
  return true;
}

/// Found by listing: to look a name up too early may hide it for a minute.
bool Arrival::seen(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const auto names = base::names_in(env_, path.substr(0, slash));
  return std::binary_search(names.begin(), names.end(), path.substr(slash + 1)) && base::exists(env_, path);
}

base::Error Arrival::missing(const std::string& path) const {
  const std::string hostname = store::make_identity(env_, "worker").hostname;
  const bool any = base::exists(env_, job_.path());
  return {base::ExitCode::kBackendFailed,
          "the job's " + std::string(any ? "file" : "directory") + " '" + (any ? path : job_.path()) +
              "' is not to be seen on " + hostname + ", and was waited for " +
              std::to_string(patience_ns_ / 1'000'000'000) + " s",
          "is the store on a file system that all nodes share, under the same path? compare there and here:\n"
          "  ls -l " +
              (any ? path : job_.path())};
}

std::vector<std::string> files_of(const store::JobDirectory& job, const bundle::Manifest& manifest) {
  std::vector<std::string> paths = {job.blob(manifest.plugin.sha256)};
  for (const auto& library : manifest.libraries) paths.push_back(job.blob(library.sha256));
  for (const auto& pack : manifest.inputs.packs) paths.push_back(job.path() + "/" + pack.file);
  return paths;
}

}  // namespace jobhost::worker
