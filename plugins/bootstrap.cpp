// Resampling statistics: one task is one resample. Give the data once with --common data=@x.npy, map over seeds, and
// let
// --reduce mean,var or a file collect the answers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

namespace {

void require(bool enough) {
  if (!enough) throw std::invalid_argument("there is too little data");
}

double mean_of(std::span<const double> data) {
  return std::accumulate(data.begin(), data.end(), 0.0) / static_cast<double>(data.size());
}

double variance_of(std::span<const double> data) {
  const double mean = mean_of(data);
  double sum = 0;
  for (const double value : data) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(data.size() - 1);
}

double quantile_of(std::vector<double> data, double q) {
  std::sort(data.begin(), data.end());
  const double place = q * static_cast<double>(data.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, data.size() - 1);
  return data[low] + (place - static_cast<double>(low)) * (data[high] - data[low]);
}

/// As many values as there are, drawn with replacement.
std::vector<double> resample(std::span<const double> data, std::uint64_t seed) {
  require(!data.empty());
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::size_t> index(0, data.size() - 1);
  std::vector<double> drawn(data.size());
  for (double& value : drawn) value = data[index(random)];
  return drawn;
}

}  // namespace

struct Line {
  double slope, intercept;
};

// Mean of a resample. Its variance over many seeds estimates that of the mean: about var / n.
double bootstrap_mean(std::span<const double> data, std::uint64_t seed) { return mean_of(resample(data, seed)); }

// Sample variance of a resample.
double bootstrap_variance(std::span<const double> data, std::uint64_t seed) {
  require(data.size() > 1);
  return variance_of(resample(data, seed));
}

// Quantile q (0 to 1; the median by default) of a resample, interpolated between neighbours.
double bootstrap_quantile(std::span<const double> data, std::uint64_t seed, double q = 0.5) {
  if (!(q >= 0 && q <= 1)) throw std::invalid_argument("q goes from 0 to 1");
  return quantile_of(resample(data, seed), q);
}

// Pearson's correlation of pairs drawn with replacement.
double bootstrap_correlation(std::span<const double> x, std::span<const double> y, std::uint64_t seed) {
  if (x.size() != y.size()) throw std::invalid_argument("x and y have different lengths");
  require(x.size() > 2);
  const auto a = resample(x, seed), b = resample(y, seed);  // the same seed draws the same places
  const double ma = mean_of(a), mb = mean_of(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

// Least-squares line through pairs drawn with replacement.
Line bootstrap_line(std::span<const double> x, std::span<const double> y, std::uint64_t seed) {
  if (x.size() != y.size()) throw std::invalid_argument("x and y have different lengths");
  require(x.size() > 2);
  const auto a = resample(x, seed), b = resample(y, seed);
  const double ma = mean_of(a), mb = mean_of(b);
  double ab = 0, aa = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
  }
  const double slope = ab / aa;
  return {slope, mb - slope * ma};
}

// Mean without value number `left_out`: map it over 0..n-1. (n-1)^2/n times the variance of the answers is the
// jackknife estimate of the variance of the mean, var / n.
double jackknife_mean(std::span<const double> data, std::uint64_t left_out) {
  require(data.size() > 1);
  if (left_out >= data.size()) throw std::out_of_range("there is no such value to leave out");
  const double sum = std::accumulate(data.begin(), data.end(), 0.0) - data[left_out];
  return sum / static_cast<double>(data.size() - 1);
}

// Difference of the means of a and b after shuffling which value belongs to which: the distribution under the
// hypothesis that a and b are alike.
double permuted_difference(std::span<const double> a, std::span<const double> b, std::uint64_t seed) {
  require(!a.empty() && !b.empty());
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  std::shuffle(all.begin(), all.end(), std::mt19937_64(seed));
  const std::span<const double> shuffled(all);
  return mean_of(shuffled.first(a.size())) - mean_of(shuffled.subspan(a.size()));
}
