#pragma once

#include "host/submission.hpp"
#include "store/party.hpp"

namespace jobhost::host {

/// Tells whether some worker of a job lives, as far as can be told from here.
class WorkerWatch {
 public:
  /// `job` outlives the watch.
  WorkerWatch(base::Env& env, const Job& job)
      : env_(env),
        job_(job),
        self_(store::make_identity(env, "host")),
        watch_(env, job.directory, self_, job.manifest.lease_ms * 1'000'000) {}

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
};

}  // namespace jobhost::host
