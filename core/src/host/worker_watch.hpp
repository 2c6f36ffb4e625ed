#pragma once

#include "host/submission.hpp"
#include "store/party.hpp"

namespace jobhost::host {

/// Tells whether somebody works on a job that this process only reads.
class WorkerWatch {
 public:
  /// `job` outlives the watch.
  WorkerWatch(base::Env& env, const Job& job)
      : env_(env),
        job_(job),
        self_(store::make_identity(env, "host")),
        watch_(env, job.directory, self_, job.manifest.lease_ms * 1'000'000) {}

  /// False once nothing came for a while and no worker is seen alive. `done`: tasks so far.
  bool working(std::uint64_t done) {
    constexpr std::uint64_t kSilenceNs = 2'000'000'000;
    const std::uint64_t now = env_.monotonic_ns();
    if (done != last_done_ || last_change_ == 0) {
      last_done_ = done;
      last_change_ = now;
    }
    return now - last_change_ < kSilenceNs || anyone_alive();
  }

  /// Whether a worker is there, as far as is known.
  bool anyone_alive() {
    for (const auto& party : store::all_parties(env_, job_.directory)) {
      if (party.role == "worker" && !watch_.dead(party)) return true;
    }
    return false;
  }

 private:
  base::Env& env_;
  const Job& job_;
  store::Identity self_;
  store::DeathWatch watch_;
  std::uint64_t last_change_ = 0, last_done_ = 0;
};

}  // namespace jobhost::host
