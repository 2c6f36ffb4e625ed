#include "report/durations.hpp"

#include <algorithm>
#include <cmath>

namespace jobhost::report {
namespace {

constexpr int kPerDecade = 100;
constexpr double kShortest = 1e-12;             // seconds: means of batches are below a nanosecond
constexpr std::size_t kBins = 19 * kPerDecade;  // up to four months

std::size_t bin_of(double seconds) {
  if (!(seconds > kShortest)) return 0;
  return std::min(static_cast<std::size_t>(std::log10(seconds / kShortest) * kPerDecade), kBins - 1);
}

double edge(std::size_t bin) { return kShortest * std::pow(10.0, static_cast<double>(bin) / kPerDecade); }

}  // namespace

void Durations::add(double seconds, std::uint64_t count, bool together) {
  if (count == 0) return;
  bins_.resize(kBins);
  minimum_ = count_ == 0 ? seconds : std::min(minimum_, seconds);
  maximum_ = std::max(maximum_, seconds);
  bins_[bin_of(seconds)] += count;
  count_ += count;
  sum_ += seconds * static_cast<double>(count);
  if (together) together_ += count;
}

double Durations::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double Durations::quantile(double share) const {
  const double wanted = share * static_cast<double>(count_);
  double before = 0;
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    const auto here = static_cast<double>(bins_[i]);
    if (here > 0 && before + here >= wanted) {
      const double part = std::max(0.0, wanted - before) / here;
      return std::clamp(edge(i) * std::pow(edge(i + 1) / edge(i), part), minimum_, maximum_);
    }
    before += here;
  }
  return maximum_;
}

Durations::Histogram Durations::histogram(std::size_t most) const {
  Histogram histogram;
  if (count_ == 0) return histogram;
  const std::size_t last = bin_of(maximum_);
  for (const std::size_t width : std::initializer_list<std::size_t>{1, 2, 5, 10, 20, 50, 100, 200, 400, 800, kBins}) {
    const std::size_t begin = bin_of(minimum_) / width * width;
    if ((last - begin) / width + 1 > most && width < kBins) continue;
    for (std::size_t i = begin; i <= last; i += width) {
      histogram.edges.push_back(edge(i));
      std::uint64_t sum = 0;
      for (std::size_t k = i; k < std::min(i + width, kBins); ++k) sum += bins_[k];
      histogram.counts.push_back(sum);
    }
    histogram.edges.push_back(edge((last - begin) / width * width + begin + width));
    break;
  }
  return histogram;
}

}  // namespace jobhost::report
