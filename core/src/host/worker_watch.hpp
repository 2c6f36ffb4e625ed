#pragma once

#include <algorithm>

#include "base/lag.hpp"
#include "host/submission.hpp"
#include "store/party.hpp"
#include "store/refusals.hpp"

namespace jobhost::host {

/// Tells whether somebody works on a job that this process only reads.
class WorkerWatch {
 public:
  /// `job` outlives the watch.
  WorkerWatch(base::Env& env, const Job& job)
      : env_(env),
        job_(job),
        self_(store::make_identity(env, "host")),
        watch_(env, job.directory, self_, job.manifest.lease_ms * 1'000'000),
        lags_(base::may_lag(env, job.directory.path())) {}

  /// False once nothing came for a while and no worker is seen alive. `done`: tasks so far.
  bool working(std::uint64_t done) {
    // Where the file system lags, a worker that has just come, or what it wrote last, may not be seen yet.
    const std::uint64_t silence = lags_ ? 10'000'000'000 : 2'000'000'000;
    const std::uint64_t now = env_.monotonic_ns();
    if (done != last_done_ || last_change_ == 0) {
      last_done_ = done;
      last_change_ = now;
    }
    if (now - last_change_ < silence || now < alive_until_) return true;
    if (!anyone_alive()) return false;
    alive_until_ = now + (lags_ ? 5'000'000'000 : 0);  // to ask after everybody is work for a server
    return true;
  }

  /// Where nobody works: whether the first worker may be on its way, as from a launcher on another machine.
  bool may_come() {
    constexpr std::uint64_t kArrival = 30'000'000'000;
    came_ = came_ || anyone_came();
    return !came_ && env_.monotonic_ns() - last_change_ < kArrival;
  }

  /// Whether what workers did last may not be seen yet.
  bool lags() const { return lags_; }

  /// Whether a worker is there, as far as is known.
  bool anyone_alive() {
    for (const auto& party : store::all_parties(env_, job_.directory)) {
      if (party.role == "worker" && !watch_.dead(party)) return true;
    }
    return false;
  }

  /// Whether there ever was a worker, if only one that refused.
  bool anyone_came() {
    const auto parties = store::all_parties(env_, job_.directory);
    return std::any_of(parties.begin(), parties.end(), [](const auto& party) { return party.role == "worker"; }) ||
           store::any_refused(env_, job_.directory);
  }

 private:
  base::Env& env_;
  const Job& job_;
  store::Identity self_;
  store::DeathWatch watch_;
  bool lags_, came_ = false;
  std::uint64_t last_change_ = 0, last_done_ = 0, alive_until_ = 0;
};

}  // namespace jobhost::host
