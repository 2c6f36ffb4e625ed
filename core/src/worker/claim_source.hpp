#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "bundle/manifest.hpp"
#include "store/claims.hpp"
#include "store/interval_set.hpp"
#include "store/log_set.hpp"

namespace jobhost::worker {

/// Chooses what this supervisor does next, and knows what is done by whomever.
class ClaimSource {
 public:
  ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
              const std::string& manifest_sha256, store::Party& party);

  struct Work {
    std::uint64_t claim = 0;
    store::Interval tasks;                 // all of the claim
    std::vector<store::Interval> missing;  // what no log holds yet
    std::string dead_owner;                // id of the worker that had it before, or ""
  };
  /// A claim that is now ours: the next that nobody took, or one whose owner is dead. Nothing when all are done or with
  /// others who live.
  std::optional<Work> next();

  /// Reads what the logs of all workers gained.
  void refresh();
  /// Tasks that are in a log, whatever became of them.
  const store::IntervalSet& done() const { return done_; }
  std::uint64_t failed_within(store::Interval tasks) const;

  void claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed);
  bool everything_done() const { return finished_.size() == manifest_.claims(); }
  /// Tasks that succeeded and failed in finished claims.
  std::pair<std::uint64_t, std::uint64_t> totals() const;

 private:
  struct Finished {
    std::uint64_t ok, failed;
  };
  store::Interval tasks_of(std::uint64_t claim) const;
  /// The id of the owner that is dead, if it is and the claim is now ours.
  std::optional<std::string> take_over_from_dead(std::uint64_t claim);
  Work work_of(std::uint64_t claim, const std::string& dead_owner);

  base::Env& env_;
  const bundle::Manifest& manifest_;
  store::Claims claims_;
  store::LogSet logs_;
  store::DeathWatch watch_;
  store::IntervalSet done_, failed_;
  std::map<std::uint64_t, Finished> finished_;
  std::set<std::uint64_t> taken_;
  std::uint64_t cursor_ = 0;
  std::deque<std::uint64_t> others_;
  std::uint64_t looked_at_others_ = 0;
};

}  // namespace jobhost::worker
