#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bundle/manifest.hpp"
#include "store/claims.hpp"
#include "store/log_set.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

/// Claims of a job directory: the next that nobody took, or one whose owner is dead. What is done stands in the logs of
/// all workers, and nowhere else: a claim of others is finished when whole records cover all its tasks. That its owner
/// says so is not enough, because a power cut may leave the saying and take the records.
class ClaimSource : public WorkSource {
 public:
  ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
              const std::string& manifest_sha256, store::Party& party);

  std::optional<Work> next() override;
  void refresh() override;
  void refresh_claim(std::uint64_t claim) override;
  std::uint64_t failed_within(store::Interval tasks) const override;
  void claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed) override;
  bool everything_done() const override { return done().size() == manifest_.tasks; }
  std::pair<std::uint64_t, std::uint64_t> totals() const override;

 private:
  /// A claim of somebody else, as last looked at.
  struct Other {
    std::uint32_t generation = 0;
    bool known = false;  // the owner was read
    std::optional<store::Identity> owner = std::nullopt;
  };
  store::Interval tasks_of(std::uint64_t claim) const;
  bool finished(std::uint64_t claim) const { return done().missing(tasks_of(claim)).empty(); }
  std::optional<Work> take_over(std::uint64_t claim, Other& other);
  using Parties = std::vector<std::string>;  // by id
  void read_logs_of(const std::optional<Parties>& parties);
  std::optional<Parties> holders(std::uint64_t claim, const Other& latest);
  void note(const store::Frame& frame);
  Work work_of(std::uint64_t claim, const std::string& dead_owner);

  base::Env& env_;
  store::JobDirectory job_;
  const bundle::Manifest& manifest_;
  std::string self_;
  store::Claims claims_;
  store::LogSet logs_;
  store::DeathWatch watch_;
  store::IntervalSet failed_;
  std::map<std::uint64_t, std::uint64_t> own_failures_;  // by claim; our own logs are not read in general
  store::Claims::Generations taken_;
  std::uint64_t cursor_ = 0;
  std::map<std::uint64_t, Other> others_;
  std::map<std::uint64_t, std::optional<Parties>> taken_over_;  // claims of ours, and who had them before
  std::uint64_t look_at_others_ = 0, nothing_new_since_ = 0;    // monotonic
};

}  // namespace jobhost::worker
