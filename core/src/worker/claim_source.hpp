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
#include "worker/duty.hpp"
#include "worker/free_claims.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

/// Claims of a job directory: one that nobody took, then those whose owner is dead. What is done stands in the logs of
/// all workers, and nowhere else: a claim of others is finished when whole records cover all its tasks. That its owner
/// says so is not enough, because a power cut may leave the saying and take the records. Most workers never read the
/// others' logs: they wait until one on duty says that all is done.
class ClaimSource : public WorkSource {
 public:
  ClaimSource(base::Env& env, const store::JobDirectory& job, const bundle::Manifest& manifest,
              const std::string& manifest_sha256, store::Party& party);

  std::optional<Work> next() override;
  void refresh() override;
  void refresh_claim(std::uint64_t claim) override;
  std::uint64_t failed_within(store::Interval tasks) const override;
  void claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed) override;
  void give_up() override;
  bool everything_done() const override { return said_done_ || done().size() == manifest_.tasks; }
  std::optional<std::pair<std::uint64_t, std::uint64_t>> totals() const override;

 private:
  /// A claim of somebody else, as last looked at.
  struct Other {
    std::uint32_t generation = 0;
    bool known = false;  // the owner was read
    std::optional<store::Identity> owner = std::nullopt;
    bool given_up = false;  // by us, as its owner is dead
  };
  using Parties = std::vector<std::string>;  // by id
  /// A claim of ours.
  struct Held {
    std::uint32_t generation = 0;
    std::optional<Parties> before = Parties{};  // who had it; nothing where that is not known
  };
  store::Interval tasks_of(std::uint64_t claim) const;
  bool finished(std::uint64_t claim) const { return done().missing(tasks_of(claim)).empty(); }
  void begin_around();
  std::optional<Work> look_around();
  std::optional<Work> look_after_others();
  std::optional<Work> look_after(std::uint64_t claim);
  std::optional<Work> take_given_up();
  bool alive(std::uint64_t claim, Other& other);
  std::optional<Work> take_from(std::uint64_t claim, Other& other);
  std::optional<Work> wait(std::uint64_t looked_since);
  std::optional<std::uint64_t> next_unfinished(std::uint64_t from) const;
  void read_all_logs();
  void read_logs_of(const std::optional<Parties>& parties);
  std::optional<Parties> holders(std::uint64_t claim, const Other& latest);
  void note(const store::Frame& frame);
  Work work_of(std::uint64_t claim, Held held, const std::string& dead_owner);

  base::Env& env_;
  store::JobDirectory job_;
  const bundle::Manifest& manifest_;
  std::string self_;
  store::Claims claims_;
  store::LogSet logs_;
  store::DeathWatch watch_;
  Duty duty_;
  FreeClaims free_;
  store::IntervalSet failed_;
  std::map<std::uint64_t, std::uint64_t> own_failures_;  // by claim; our own logs are not read in general
  std::map<std::uint64_t, Held> held_;                   // and not finished

  bool looked_around_ = false;
  store::Claims::Generations around_;
  std::uint64_t passed_ = 0, ask_at_ = 1;  // claims that were passed over, and how many to

  const bool old_done_;                                                       // DONE was there before
  bool said_done_ = false;                                                    // by a DONE that was not
  std::uint64_t look_again_ = 0, nothing_new_since_ = 0, began_looking_ = 0;  // monotonic
  bool looking_ = false;                                                      // and not yet at all
  std::uint64_t known_ = 0;                                                   // tasks that were done when it began
  bool all_read_ = false;                                                     // each log, once
  std::size_t logs_read_ = 0;
  std::uint64_t ask_from_ = 0;           // claim
  std::optional<std::uint64_t> listed_;  // folder of claims
  store::Claims::Generations latest_;    // in it
  std::map<std::uint64_t, Other> others_;
  bool gave_up_ = false;  // what a dead one held, since it began
};

}  // namespace jobhost::worker
