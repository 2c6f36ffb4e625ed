#include "host/ownership.hpp"

#include "base/beneath.hpp"
#include "base/utc.hpp"
#include "store/epoch.hpp"

namespace jobhost::host {
namespace {

constexpr std::uint64_t kBeatNs = 1'000'000'000;
constexpr std::uint64_t kLookNs = 250'000'000;  // for a host that took the job over
constexpr std::uint64_t kWaitNs = 200'000'000;  // for the heartbeat of an owner on another machine

}  // namespace

Ownership::Ownership(base::Env& env, const Job& job, store::Identity self, bool steal)
    : env_(&env),
      directory_(job.directory),
      job_(job.manifest.job),
      called_(job.called),
      party_(std::make_unique<store::Party>(env, job.directory, std::move(self))) {
  party_->beat();
  base::make_directories_beneath(env, directory_.path(),
                                 directory_.host());  // a power cut may have taken it, when nothing was synced
  for (auto last = store::latest_epoch(env, directory_);; last = epoch_) {
    if (last && !steal) require_dead(*last, job.manifest.lease_ms * 1'000'000);
    epoch_ = last ? *last + 1 : 0;
    if (party_->link_to(directory_.owner(epoch_))) return;
  }
}

Ownership::~Ownership() {
  if (!party_) return;
  try {
    party_->leave();
  } catch (...) {
    // The job may be gone; otherwise others take over after a lease.
  }
}

void Ownership::require_dead(std::uint64_t epoch, std::uint64_t lease_ns) {
  const auto found = store::read_identity_if_whole(*env_, directory_, directory_.owner(epoch));
  if (!found) return;  // who did not survive a power cut as a name lives no more
  const auto& owner = *found;
  const auto beats = [&] { return store::read_heartbeat(*env_, directory_, owner.id).beats; };
  const std::uint64_t first = beats();
  store::DeathWatch watch(*env_, directory_, party_->self(), lease_ns);
  while (!watch.dead(owner)) {
    if (store::life_of(*env_, owner, party_->self()) == store::Life::kAlive || beats() != first) {
      throw owned_elsewhere(epoch, "is being run",
                            "watch it with 'jobhost attach " + called_ + "', end it with 'jobhost cancel " + called_ +
                                "', or take it over with 'jobhost resume " + called_ + " --steal'");
    }
    party_->beat();
    env_->sleep_ns(kWaitNs);
  }
}

base::Error Ownership::owned_elsewhere(std::uint64_t epoch, const std::string& verb, const std::string& hint) const {
  const std::string path = directory_.owner(epoch);
  const auto owner = store::read_identity(*env_, directory_, path);
  base::FileStatus status;
  env_->status(path, status);
  return {base::ExitCode::kOwnedElsewhere,
          "job " + job_ + " " + verb + " by process " + std::to_string(owner.pid) + " on " + owner.hostname +
              " since " + base::utc(static_cast<std::uint64_t>(status.modified_ns)),
          hint};
}

void Ownership::keep() {
  const std::uint64_t now = env_->monotonic_ns();
  if (now - looked_ < kLookNs) return;
  looked_ = now;
  require();
  if (now - beaten_ < kBeatNs) return;
  beaten_ = now;
  party_->beat();
}

void Ownership::require() const {
  const auto latest = store::latest_epoch(*env_, directory_);
  if (!latest || *latest <= epoch_) return;
  throw owned_elsewhere(*latest, "was taken over from this host, and is run",
                        "what was done is kept; watch it with 'jobhost attach " + called_ + "'");
}

}  // namespace jobhost::host
