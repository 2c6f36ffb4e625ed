#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "store/interval_set.hpp"
#include "worker/control.hpp"

namespace jobhost::worker {

/// The supervisor's side of a queue: publishes ranges for lanes and learns when they are finished. Counters tell that
/// of a span whose lanes all lived; a span in which a lane died is settled by what the logs hold.
class SpanTable {
 public:
  /// `lanes` are those that take from `queue`.
  SpanTable(Queue& queue, std::vector<Lane*> lanes);

  /// Lines up tasks of a claim; they are published as soon as there is room.
  void add(std::uint64_t claim, store::Interval tasks);
  /// Tasks that no lane has taken yet.
  std::uint64_t untaken() const;
  /// A lane died while it held tasks of this span. Nothing more is taken from it.
  void wound(std::uint64_t span);
  bool wounded() const { return wounded_ > 0; }
  /// Lines up tasks of a published span again, for any lane: the lane that took them will not run them. Their claim, or
  /// nothing when the span is wounded, which settles them anyway.
  std::optional<std::uint64_t> give_away(std::uint64_t span, store::Interval tasks);

  /// Retires spans that are finished: `finished(claim, tasks, failed)` for each (failed is 0 for wounded ones, whose
  /// failures the logs count). Tasks of wounded spans that are neither in `done` nor with a living lane are given to
  /// `again(claim, tasks)`. `refresh` brings `done` up to date; it is called only when a span is wounded.
  void settle(const store::IntervalSet& done, const std::function<void()>& refresh,
              const std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)>& finished,
              const std::function<void(std::uint64_t, store::Interval)>& again);

 private:
  struct Entry {
    std::uint64_t claim;
    store::Interval tasks;
    bool wounded = false;
    store::IntervalSet moved;  // parts that were lined up again: they are other spans' business
  };
  void publish();
  std::vector<store::Interval> in_flight(std::uint64_t span) const;
  std::vector<store::Interval> held_now(std::uint64_t span) const;

  Queue& queue_;
  std::vector<Lane*> lanes_;
  std::deque<Entry> waiting_;
  std::map<std::uint64_t, Entry> published_;  // by publication number
  std::size_t wounded_ = 0;
};

}  // namespace jobhost::worker
