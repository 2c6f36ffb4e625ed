#include "store/interval_set.hpp"

#include <algorithm>

namespace jobhost::store {

std::uint64_t IntervalSet::add(Interval interval) {
  if (interval.first >= interval.end) return 0;
  std::uint64_t fresh = interval.size();
  auto next = ends_.upper_bound(interval.first);
  if (next != ends_.begin()) {
    auto before = std::prev(next);
    if (before->second >= interval.first) next = before;
  }
  while (next != ends_.end() && next->first <= interval.end) {
    const std::uint64_t overlap_first = std::max(next->first, interval.first);
    const std::uint64_t overlap_end = std::min(next->second, interval.end);
    if (overlap_end > overlap_first) fresh -= std::min(fresh, overlap_end - overlap_first);
    interval.first = std::min(interval.first, next->first);
    interval.end = std::max(interval.end, next->second);
    next = ends_.erase(next);
  }
  ends_.emplace_hint(next, interval.first, interval.end);
  size_ += fresh;
  return fresh;
}

bool IntervalSet::contains(std::uint64_t task) const {
  auto next = ends_.upper_bound(task);
  return next != ends_.begin() && std::prev(next)->second > task;
}

std::optional<std::uint64_t> IntervalSet::first_missing(Interval within) const {
  const auto next = ends_.upper_bound(within.first);
  const std::uint64_t first = next == ends_.begin() ? within.first : std::max(within.first, std::prev(next)->second);
  return first < within.end ? std::optional(first) : std::nullopt;
}

std::vector<Interval> IntervalSet::missing(Interval within) const {
  std::vector<Interval> gaps;
  std::uint64_t position = within.first;
  auto next = ends_.upper_bound(position);
  if (next != ends_.begin()) position = std::max(position, std::prev(next)->second);
  for (; position < within.end && next != ends_.end() && next->first < within.end; ++next) {
    if (next->first > position) gaps.push_back({position, next->first});
    position = next->second;
  }
  if (position < within.end) gaps.push_back({position, within.end});
  return gaps;
}

}  // namespace jobhost::store
