#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace jobhost::store {

/// Tasks [first, end).
struct Interval {
  std::uint64_t first = 0, end = 0;
  std::uint64_t size() const { return end - first; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// A set of task indices kept as disjoint, non-adjacent intervals.
class IntervalSet {
 public:
  /// Returns how many of the tasks were not in the set before.
  std::uint64_t add(Interval interval);
  bool contains(std::uint64_t task) const;
  /// The parts of `within` that are not in the set, in order.
  std::vector<Interval> missing(Interval within) const;
  /// The first task of `within` that is not in the set.
  std::optional<std::uint64_t> first_missing(Interval within) const;
  std::uint64_t size() const { return size_; }
  std::size_t pieces() const { return ends_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // first -> end
  std::uint64_t size_ = 0;
};

}  // namespace jobhost::store
