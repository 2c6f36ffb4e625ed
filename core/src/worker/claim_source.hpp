#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "bundle/manifest.hpp"
#include "store/claims.hpp"
#include "store/log_set.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

/// Claims of a job directory: the next that nobody took, or one whose owner is dead. What is done stands in the logs of
/// all workers.
class ClaimSource : public WorkSource {
 public:
  ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
              const std::string& manifest_sha256, store::Party& party);

  std::optional<Work> next() override;
  void refresh() override;
  std::uint64_t failed_within(store::Interval tasks) const override;
  void claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed) override;
  bool everything_done() const override { return finished_.size() == manifest_.claims(); }
  std::pair<std::uint64_t, std::uint64_t> totals() const override;

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
  store::IntervalSet failed_;
  std::map<std::uint64_t, Finished> finished_;
  std::set<std::uint64_t> taken_;
  std::uint64_t cursor_ = 0;
  std::deque<std::uint64_t> others_;
  std::uint64_t looked_at_others_ = 0;
};

}  // namespace jobhost::worker
