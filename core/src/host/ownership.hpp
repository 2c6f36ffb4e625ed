#pragma once

#include <memory>

#include "host/submission.hpp"
#include "store/party.hpp"

namespace jobhost::host {

/// The right to start workers for a job: one host at a time. Reading along needs none.
class Ownership {
 public:
  /// Throws Error(kOwnedElsewhere) that names the owner when another host lives; takes over from a dead one.
  Ownership(base::Env& env, const Job& job) : Ownership(env, job, store::make_identity(env, "host")) {}
  Ownership(base::Env& env, const Job& job, store::Identity self);
  /// At least once a second while the job is owned.
  void beat() { party_.beat(); }

 private:
  store::Party party_;
};

}  // namespace jobhost::host
