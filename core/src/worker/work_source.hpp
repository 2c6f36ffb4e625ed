#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/interval_set.hpp"

namespace jobhost::worker {

/// Chooses what a supervisor does next, and knows what is done by whomever.
class WorkSource {
 public:
  struct Work {
    std::uint64_t claim = 0;
    store::Interval tasks;                 // all of the claim
    std::vector<store::Interval> missing;  // what is not done yet
    std::string dead_owner;                // id of the worker that had it before, or ""
  };

  virtual ~WorkSource() = default;
  /// A claim that is now ours. Nothing when there is none to be had now.
  virtual std::optional<Work> next() = 0;
  /// Brings done() up to date with what this worker's lanes did.
  virtual void refresh() = 0;
  /// Brings done() and failed_within() up to date for a claim that is ours.
  virtual void refresh_claim(std::uint64_t) { refresh(); }
  /// Tasks that ended, whatever became of them.
  const store::IntervalSet& done() const { return done_; }
  virtual std::uint64_t failed_within(store::Interval tasks) const = 0;
  virtual void claim_finished(std::uint64_t claim, std::uint64_t ok, std::uint64_t failed) = 0;
  /// This worker ends before that: what it holds is for others.
  virtual void give_up() {}
  virtual bool everything_done() const = 0;
  /// Tasks that succeeded and failed, once everything is done; nothing when somebody else said so already.
  virtual std::optional<std::pair<std::uint64_t, std::uint64_t>> totals() const = 0;

 protected:
  void note_done(store::Interval tasks) { done_.add(tasks); }

 private:
  store::IntervalSet done_;
};

}  // namespace jobhost::worker
