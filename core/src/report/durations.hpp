#pragma once

#include <cstdint>
#include <vector>

namespace jobhost::report {

/// How long tasks took, counted in bins of equal width on a logarithmic scale: a hundred per decade from a picosecond
/// on, so quantiles are good to about one percent.
class Durations {
 public:
  /// `count` tasks that took so many seconds each; `together`: they ran in one batch, and that is their mean.
  void add(double seconds, std::uint64_t count, bool together);

  std::uint64_t count() const { return count_; }
  /// Of those, tasks of which only the mean with others is known.
  std::uint64_t together() const { return together_; }
  double minimum() const { return minimum_; }
  double maximum() const { return maximum_; }
  double mean() const;
  /// 0 <= share <= 1; 0 when there is nothing.
  double quantile(double share) const;

  struct Histogram {
    std::vector<double> edges;  // seconds; one more than counts
    std::vector<std::uint64_t> counts;
  };
  /// From the shortest to the longest, in at most `most` bins.
  Histogram histogram(std::size_t most) const;

 private:
  std::vector<std::uint64_t> bins_;
  std::uint64_t count_ = 0, together_ = 0;
  double minimum_ = 0, maximum_ = 0, sum_ = 0;
};

}  // namespace jobhost::report
