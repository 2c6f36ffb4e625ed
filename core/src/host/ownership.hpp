#pragma once

#include <memory>

#include "host/submission.hpp"
#include "store/party.hpp"

namespace jobhost::host {

/// The right to start workers for a job: one host at a time. Reading along needs none. Every owner has an epoch; the
/// highest counts, so an owner that was thought dead, or was robbed, finds out by looking.
class Ownership {
 public:
  /// Throws Error(kOwnedElsewhere) that names the owner when another host lives; takes over from a dead one. Whether
  /// one on another machine lives shows in its heartbeat, at the latest after a lease. `steal`: from a living one, too.
  Ownership(base::Env& env, const Job& job, bool steal = false)
      : Ownership(env, job, store::make_identity(env, "host"), steal) {}
  Ownership(base::Env& env, const Job& job, store::Identity self, bool steal);
  Ownership(Ownership&&) = default;
  /// Lets the next host take over at once.
  ~Ownership();

  /// Call often while the job is owned: counts the heartbeat up, and throws Error(kOwnedElsewhere) once another host
  /// has taken the job over. Looks at the disk a few times a second only.
  void keep();
  /// The latter at once.
  void require() const;

 private:
  void require_dead(std::uint64_t epoch, std::uint64_t lease_ns);
  base::Error owned_elsewhere(std::uint64_t epoch, const std::string& verb, const std::string& hint) const;

  base::Env* env_;
  store::JobDirectory directory_;
  std::string job_, called_;             // its id, and how the user names it
  std::unique_ptr<store::Party> party_;  // null once moved from
  std::uint64_t epoch_ = 0;
  std::uint64_t looked_ = 0, beaten_ = 0;  // when, by the monotonic clock
};

}  // namespace jobhost::host
