#include "host/ownership.hpp"

#include "base/beneath.hpp"

namespace jobhost::host {

Ownership::Ownership(base::Env& env, const Job& job) : party_(env, job.directory, store::make_identity(env, "host")) {
  beat();
  store::DeathWatch watch(env, job.directory, party_.self(), job.manifest.lease_ms * 1'000'000);
  const std::uint64_t patience = env.monotonic_ns() + job.manifest.lease_ms * 1'000'000 + 1'000'000'000;
  for (std::uint64_t epoch = 0;; ++epoch) {
    const std::string path = job.directory.host() + "/owner." + std::to_string(epoch);
    const std::string next = job.directory.host() + "/owner." + std::to_string(epoch + 1);
    if (!base::exists_beneath(env, path)) {
      if (party_.link_to(path)) return;
    }
    if (base::exists_beneath(env, next)) continue;
    const auto owner = store::read_identity(env, job.directory, path);
    while (!watch.dead(owner)) {
      // Whether a host on another machine lives is known only after its lease; one on this machine is known at once.
      if (store::life_of(env, owner, party_.self()) == store::Life::kAlive || env.monotonic_ns() > patience ||
          store::read_heartbeat(env, job.directory, owner.id).beats == 0) {
        throw base::Error(base::ExitCode::kOwnedElsewhere,
                          "job " + job.manifest.job + " is being run by process " + std::to_string(owner.pid) + " on " +
                              owner.hostname,
                          "watch it with 'jobhost attach " + job.manifest.job + "', or end it with 'jobhost cancel " +
                              job.manifest.job + "'");
      }
      env.sleep_ns(200'000'000);
    }
  }
}

}  // namespace jobhost::host
